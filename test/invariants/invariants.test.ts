import { readFileSync } from 'node:fs';
import path from 'node:path';

import { beforeAll, describe, expect, test } from 'vitest';

import type { WatchParts } from '../../src/agent/compose.ts';
import { grantFor } from '../../src/api/auth/tokens.ts';
import { createApp } from '../../src/api/index.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { virtualClock } from '../support/virtual-clock.ts';
import {
  actedByLeave,
  alwaysNamed,
  kept,
  ledgerHolds,
  neverSilent,
  neverTwice,
  replayed,
} from '../support/world/laws.ts';
import { parseWorld, type WorldFile } from '../support/world/world-file.ts';
import { runWorld, type World } from '../support/world/world.ts';

const scenarios = path.join(import.meta.dirname, '../scenarios');
const worldOf = (name: string): WorldFile => parseWorld(readFileSync(path.join(scenarios, name, 'world.yaml'), 'utf8'));
/** A night with an act in it, cut to what the laws need. */
const night: WorldFile = { ...worldOf('29-approved'), lasts: 330_000 };

/** Wraps the kinds of action, as a hand whose guards were taken away. */
function withActions(
  parts: WatchParts,
  change: (kind: WatchParts['actions'][string]) => Partial<WatchParts['actions'][string]>,
): WatchParts {
  const actions = Object.fromEntries(
    Object.entries(parts.actions).map(([name, kind]) => [name, { ...kind, ...change(kind) }]),
  );
  return { ...parts, actions };
}

describe('the laws, over a night with an act in it', () => {
  let world: World;
  beforeAll(async () => {
    world = await runWorld(night);
  });

  test('I1: every recorded decision replays from its recorded inputs, byte for byte', () => {
    const { count, breaches } = replayed(world);
    expect(count).toBeGreaterThan(2);
    expect(breaches).toEqual([]);
  });

  test('I1: a decision whose inputs were tampered with does not replay', () => {
    const bent = { ...world, recorded: structuredClone(world.recorded) };
    for (const { draft } of bent.recorded) {
      const { input } = (draft.payload ?? {}) as { input?: { ceiling: string } };
      if (draft.type === 'decision' && input) input.ceiling = 'observe';
    }
    expect(replayed(bent).breaches).not.toEqual([]);
  });

  test('I2, I4: every intent follows a live decision that allowed it; a ledger without one is noticed', () => {
    expect(actedByLeave(world)).toEqual([]);
    const without = world.recorded.filter(({ draft }) => draft.type !== 'decision');
    expect(actedByLeave({ ...world, recorded: without })).not.toEqual([]);
  });

  test('I3: no effect without an intent that was durable before; one that was not is noticed', () => {
    expect(world.host.effects).not.toHaveLength(0);
    const without = world.recorded.filter(({ draft }) => draft.type !== 'step-intent');
    expect(actedByLeave({ ...world, recorded: without })).not.toEqual([]);
  });

  test('I15: everything recorded has an actor, and every act an incident', () => {
    expect(alwaysNamed(world)).toEqual([]);
    const nameless = world.recorded.map(({ draft, atMs }) => ({ draft: { ...draft, actor: '' }, atMs }));
    expect(alwaysNamed({ ...world, recorded: nameless })).not.toEqual([]);
  });

  test('the ledger verifies from its rows, and a changed row is noticed', async () => {
    expect(await ledgerHolds(world)).toEqual([]);
    const [first] = world.disk.entries;
    expect(first).toBeDefined();
    const data = first!.data.slice();
    data[data.length - 5] = 0x21;
    world.disk.entries[0] = { ...first!, data };
    expect(await ledgerHolds(world)).not.toEqual([]);
    world.disk.entries[0] = first!;
  });
});

describe('the laws notice a guard that was taken away', () => {
  test('I3: a ledger that says "durable" and keeps nothing of the intent', async () => {
    const world = await runWorld(night, {
      bend: (parts) => ({
        ...parts,
        ledger: {
          ...parts.ledger,
          record: (batch) =>
            parts.ledger.record({ ...batch, drafts: batch.drafts.filter(({ type }) => type !== 'step-intent') }),
        },
      }),
    });
    expect(world.host.effects).not.toHaveLength(0);
    expect(actedByLeave(world)).not.toEqual([]);
  });

  test('I5: a probe that denies what happened makes a second effect, where the honest one makes none', async () => {
    const crash: WorldFile = { ...worldOf('44-crash-after-the-link'), lasts: 420_000 };
    expect(neverTwice(await runWorld(crash))).toEqual([]);
    const forgetful = await runWorld(crash, {
      bend: (parts) =>
        withActions(parts, (kind) => ({
          probe: () => Promise.resolve({ is: 'not-done', because: 'it forgot' }),
          preview: () => ({ describe: 'do it', diff: [] }),
          run: async (_params, _before, _key, context) => {
            await context.io.files.replaceSymlink('/srv/checkout/current', 'releases/v2', context.signal);
            return { is: 'done', message: `${kind.kind} again` };
          },
          observe: async (params, context) => ({
            ...(await kind.observe(params, context)),
            stateHash: 'always the same',
          }),
        })),
    });
    expect(forgetful.host.effects.filter(({ what }) => what === 'linked').length).toBeGreaterThan(1);
    expect(neverTwice(forgetful)).not.toEqual([]);
  });

  test('I4: a state hash that never changes lets old consent through', async () => {
    const changed = worldOf('47-target-changed-while-asked');
    expect((await runWorld(changed)).host.effects).toHaveLength(0);
    const blind = await runWorld(changed, {
      bend: (parts) =>
        withActions(parts, (kind) => ({
          observe: async (params, context) => ({
            ...(await kind.observe(params, context)),
            stateHash: 'always the same',
          }),
        })),
    });
    expect(blind.host.effects).not.toHaveLength(0);
  });

  test('I6: who is at work on the target is asked of the live state', async () => {
    const busy: WorldFile = { ...worldOf('48-systemd-at-work'), lasts: 330_000 };
    expect((await runWorld(busy)).host.effects).toHaveLength(0);
    const deaf = await runWorld(busy, {
      bend: (parts) =>
        withActions(parts, (kind) => ({
          observe: async (params, context) => {
            const { busy: _somebody, ...seen } = await kind.observe(params, context);
            return seen;
          },
        })),
    });
    expect(deaf.host.effects).not.toHaveLength(0);
  });

  test('I7: traits that differ from the planned ones stop the act at the last gate', async () => {
    // The code of the action is replaced each time between planning, which previews, and acting.
    let planned = false;
    const replaced = (kind: WatchParts['actions'][string]): WatchParts['actions'][string] => ({
      ...kind,
      target: (params, service) => {
        planned = false;
        return kind.target(params, service);
      },
      preview: (params, observed) => {
        const preview = kind.preview(params, observed);
        planned = true;
        return preview;
      },
    });
    const world = await runWorld(night, {
      bend: (parts) => {
        const actions = Object.entries(parts.actions).map(([name, kind]) => {
          const get = (): typeof kind.traits => (planned ? { ...kind.traits, destructive: true } : kind.traits);
          return [name, Object.defineProperty(replaced(kind), 'traits', { get })] as const;
        });
        return { ...parts, actions: Object.fromEntries(actions) };
      },
    });
    expect(planned).toBe(true);
    expect(world.host.effects).toHaveLength(0);
  });

  test('I10: a source that says zero where it should say nothing would look like a recovery', async () => {
    const silent = worldOf('36-silence-is-not-recovery');
    const honest = await runWorld(silent);
    const resolved = (world: World): boolean => world.recorded.some(({ draft }) => draft.type === 'alert-resolved');
    expect(resolved(honest)).toBe(false);
    const lying = await runWorld({
      ...silent,
      events: silent.events.map((event) =>
        event.source === 'unreachable'
          ? { at: event.at, trouble: { service: 'checkout', is: 'zero', until: 'calm' } }
          : event,
      ),
      troubles: { zero: { errors: '0' } },
    });
    expect(resolved(lying)).toBe(true);
  });

  test('I14: people who are never told are missed', async () => {
    const world = await runWorld({ ...worldOf('52-unmatched'), lasts: 420_000 });
    expect(neverSilent(world)).toEqual([]);
    expect(neverSilent({ ...world, heard: [] })).not.toEqual([]);
  });
});

describe('the laws, over nights in which nothing may be done', () => {
  // I2: freeze, nobody's consent; I9: attempts over a restart; I11: blind, broken policy; I12: hostile text.
  for (const name of [
    '07-frozen-wrong-person',
    '12-blind',
    '13-policy-file-broken',
    '21-policy-cannot-be-evaluated',
    '57-hostile-text',
  ])
    test(name, async () => {
      const world = await runWorld(worldOf(name));
      expect(world.host.effects).toHaveLength(0);
      expect(world.recorded.filter(({ draft }) => draft.type === 'step-intent')).toEqual([]);
      expect(replayed(world).breaches).toEqual([]);
      expect(neverSilent(world)).toEqual([]);
      expect(await ledgerHolds(world)).toEqual([]);
    });
});

describe('I13: secrets', () => {
  const canary = 'canary-5up3r-s3cret-value';
  const sinksOf = async (world: World): Promise<Readonly<Record<string, string>>> => {
    const { agent, store } = world.daemon!;
    const app = createApp({
      agent,
      grants: [grantFor('t0ken-of-the-test', { id: 'cli:ana', groups: [] }, 'admin')],
      hosts: [],
      log: recordingLog(),
      clock: virtualClock(),
    });
    const get = async (url: string): Promise<string> =>
      (await app.request(url, { headers: { authorization: 'Bearer t0ken-of-the-test' } })).text();
    const { incidents } = await agent.incidents({ limit: 20, status: 'all' });
    const entries = await store.ledgerEntries(0, 10_000);
    const payloads = await store.ledgerPayloads(0, entries.length);
    const pages = [
      'status',
      'services',
      'alerts',
      'approvals',
      'overview',
      'runbooks',
      'incidents?status=all',
      'ledger/entries?limit=1000',
      ...incidents.flatMap(({ id }) => [`incidents/${id}`, `incidents/${id}/charts`]),
      ...agent.services().map(({ name }) => `services/${name}`),
      ...agent.approvals().map(({ planId }) => `approvals/${planId}`),
    ];
    const api = await Promise.all(
      pages.map(
        async (page) => [`/api/v1/${page.replace(/\/[0-9a-f-]{36}/, '/ID')}`, await get(`/api/v1/${page}`)] as const,
      ),
    );
    return {
      log: world.logLines.join('\n'),
      'ledger entries': entries.map(({ data }) => Buffer.from(data).toString()).join('\n'),
      'ledger payloads': payloads.map(({ data }) => Buffer.from(data).toString()).join('\n'),
      notices: world.heard.map(({ notice, text }) => JSON.stringify(notice) + text).join('\n'),
      metrics: await agent.metrics(),
      ...Object.fromEntries(api),
    };
  };
  const planted: WorldFile = {
    ...night,
    events: [
      {
        at: 60_000,
        logs: {
          service: 'checkout',
          body: `login failed for ${canary}`,
          severity: 'error',
          every: 5_000,
          count: 20,
          attributes: { header: canary },
        },
      },
      {
        at: 90_000,
        deploy: { service: 'checkout', to: 'v3', by: `ci-${canary}`, seen: true, ref: `https://ci.example/${canary}` },
      },
      { at: 100_000, change: { service: 'checkout', kind: 'config', what: `app.yaml ${canary}`, by: canary } },
      ...night.events.filter((event) => event.approve),
    ],
  };

  test('planted in logs, changes and alerts, a known secret reaches no log, ledger, notice or API answer', async () => {
    const world = await runWorld(planted, { secrets: [canary] });
    expect(kept(canary, await sinksOf(world))).toEqual([]);
  });

  test('without the scrubber it would be found', async () => {
    const world = await runWorld(planted);
    expect(kept(canary, await sinksOf(world))).not.toEqual([]);
  });
});
