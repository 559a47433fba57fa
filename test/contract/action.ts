import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import type { Json, JsonObject } from '../../src/lib/json.ts';
import type { ActionContext, ActionKind } from '../../src/domain/ports/action.ts';

/** A real place to act on, made fresh for each test. */
export interface Stage {
  readonly params: Json;
  readonly context: (signal?: AbortSignal, timeoutMs?: number) => ActionContext;
  /** Everything a look could have changed. */
  readonly world: () => Promise<unknown>;
  /** How often the effect has really happened. */
  readonly effects: () => Promise<number>;
  /** What undo must bring back. Only for reversible kinds. */
  readonly restorable?: () => Promise<unknown>;
  readonly remove: () => Promise<void>;
}

export interface ActionCase {
  readonly kind: ActionKind;
  readonly set: () => Promise<Stage>;
  /** False for effects that leave no trace to look for: then a probe must never claim to know. */
  readonly probeTells: boolean;
  /** Parameters that must be refused, by what is wrong with them. */
  readonly refused: Readonly<Record<string, Json>>;
}

/** What every action must keep, shown on a real target. */
export function actionContract(name: string, given: ActionCase): void {
  const { kind } = given;
  describe(`${name}: the contract of actions`, () => {
    let stage: Stage | undefined;
    afterEach(async () => {
      await stage?.remove();
      stage = undefined;
    });
    const ready = async (): Promise<{
      readonly at: Stage;
      readonly params: JsonObject;
      readonly before: Json;
    }> => {
      const at = (stage = await given.set());
      const parsed = kind.params.parse(at.params);
      if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
      const observed = await kind.observe(parsed.value, at.context());
      expect(kind.preview(parsed.value, observed).describe).not.toBe('');
      return { at, params: parsed.value, before: kind.before(parsed.value, observed) };
    };

    test('looking changes nothing, and looking again sees the same state', async () => {
      const at = (stage = await given.set());
      const parsed = kind.params.parse(at.params);
      if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
      const params = parsed.value;
      const world = await at.world();
      const first = await kind.observe(params, at.context());
      kind.preview(params, first);
      await kind.probe(params, kind.before(params, first), at.context(), 'k0');
      const second = await kind.observe(params, at.context());
      expect(await at.world()).toEqual(world);
      expect(await at.effects()).toBe(0);
      expect(second.stateHash).toBe(first.stateHash);
      expect(second.target).toEqual(kind.target(params, at.context().service));
      expect(second.blast.touched).toBeGreaterThan(0);
    });

    test('a probe says not-done before and done after, or never claims to know', async () => {
      const { at, params, before } = await ready();
      expect((await kind.probe(params, before, at.context(), 'k1')).is).toBe(given.probeTells ? 'not-done' : 'unknown');
      expect(await kind.run(params, before, 'k1', at.context())).toMatchObject({ is: 'done' });
      expect((await kind.probe(params, before, at.context(), 'k1')).is).toBe(given.probeTells ? 'done' : 'unknown');
      expect(await at.effects()).toBe(1);
    });

    test('the same key twice has one effect', async () => {
      const { at, params, before } = await ready();
      const key = `twice-${Math.random()}`;
      await kind.run(params, before, key, at.context());
      await kind.run(params, before, key, at.context());
      expect(await at.effects()).toBe(1);
    });

    test('a run that is aborted before it starts does nothing and does not say done', async () => {
      const { at, params, before } = await ready();
      const world = await at.world();
      const stop = AbortSignal.abort(new Error('stop'));
      const result = await kind.run(params, before, 'k2', at.context(stop)).catch(() => ({ is: 'failed' }));
      expect(result.is).not.toBe('done');
      expect(await at.effects()).toBe(0);
      expect(await at.world()).toEqual(world);
    });

    if (kind.traits.reversible)
      test('undo brings back what was, and once is enough', async () => {
        const { at, params, before } = await ready();
        const was = await at.restorable?.();
        expect(was).toBeDefined();
        expect(await kind.run(params, before, 'k3', at.context())).toMatchObject({ is: 'done' });
        expect(await at.restorable?.()).not.toEqual(was);
        expect(await kind.undo(params, before, 'k3-undo', at.context())).toMatchObject({ is: 'done' });
        expect(await at.restorable?.()).toEqual(was);
        expect((await kind.probe(params, before, at.context(), 'k3')).is).toBe('not-done');
        const world = await at.world();
        expect(await kind.undo(params, before, 'k3-undo', at.context())).toMatchObject({ is: 'done' });
        expect(await at.world()).toEqual(world);
      });
    else
      test('it cannot be undone, and says so without touching anything', async () => {
        const { at, params, before } = await ready();
        const world = await at.world();
        expect(await kind.undo(params, before, 'k4', at.context())).toMatchObject({ is: 'failed' });
        expect(await at.world()).toEqual(world);
      });

    test('its schema accepts its own output, and is closed', async () => {
      const { params } = await ready();
      expect(kind.params.parse(params)).toEqual({ ok: true, value: params });
      expect(kind.params.parse({ ...params, shell: 'rm -rf /' }).ok).toBe(false);
    });

    describe('refuses', () => {
      let shared: Stage | undefined;
      beforeAll(async () => {
        shared = await given.set();
      });
      afterAll(async () => {
        await shared?.remove();
      });
      for (const [what, params] of Object.entries(given.refused))
        test(what, async () => {
          const at = shared!;
          const attempt = async (): Promise<void> => {
            const parsed = kind.params.parse(params);
            if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
            kind.preview(parsed.value, await kind.observe(parsed.value, at.context()));
          };
          await expect(attempt()).rejects.toThrow();
          expect(await at.effects()).toBe(0);
        });
    });
  });
}
