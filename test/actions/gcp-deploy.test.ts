import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { GcpPlace } from '../../src/domain/places.ts';
import type { Observation } from '../../src/domain/remediation.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { actionContract } from '../contract/action.ts';
import { kindOf, operator, startOperator, type OperatorWorld } from '../support/gcp/operator.ts';
import { fault } from '../support/gcp/server.ts';
import { gcpWorld } from '../support/gcp/world.ts';

const world = gcpWorld();
let hands: OperatorWorld;

beforeAll(async () => {
  hands = await startOperator(world);
});

afterAll(async () => {
  await hands.close();
  expect(hands.server.violations).toEqual([]);
});

const rollback = kindOf('gcp.deploy-rollback');
const place: GcpPlace = {
  ...{ source: 'gcp', location: 'europe-west1', resource: { is: 'deploy', pipeline: 'shop', target: 'prod' } },
};
const pipeline = 'projects/shop-prod/locations/europe-west1/deliveryPipelines/shop';

interface Rolled {
  readonly release: string;
  readonly id: string;
  state: string;
  readonly approvalState?: string;
  readonly hasStarted?: boolean;
  readonly failureReason?: string;
}

interface Target {
  /** The newest first. */
  rollouts: Rolled[];
  readonly asked: JsonObject[];
  /** What becomes of a rollout that is asked for. */
  next: Omit<Rolled, 'release' | 'id'>;
}

/** Cloud Deploy as its documentation has it: a rollback is another rollout, and none of a name is made twice. */
function target(...states: readonly (readonly [release: string, state: string, more?: Partial<Rolled>])[]): Target {
  const at: Target = {
    rollouts: states.map(([release, state, more], index) => ({ release, id: `${release}-${index}`, state, ...more })),
    ...{ asked: [], next: { state: 'SUCCEEDED' } },
  };
  world.others.set('deploy rollouts.list', ({ message }) => {
    expect(message['parent']).toBe(`${pipeline}/releases/-`);
    return { rollouts: at.rollouts.map((one, index) => shown(one, at.rollouts.length - index)) };
  });
  world.others.set('deploy deliveryPipelines.rollbackTarget', ({ message }) => {
    const { releaseId: release, rolloutId: id, targetId } = message as Record<string, string>;
    if (message['name'] !== pipeline || targetId !== 'prod') return fault(404, 'NOT_FOUND', 'no such target');
    if (at.rollouts.some((one) => one.id === id)) return fault(409, 'ALREADY_EXISTS', `rollout ${id ?? ''} is there`);
    at.asked.push({ release: release ?? '', id: id ?? '' });
    at.rollouts = [{ release: release ?? '', id: id ?? '', ...at.next }, ...at.rollouts];
    return {};
  });
  return at;
}

function shown({ release, id, state, approvalState, hasStarted, failureReason }: Rolled, order: number): object {
  const createTime = new Date(1.7e12 + order * 60_000).toISOString();
  const isWaiting = /^PENDING|REJECTED$|^CANCELLED$/.test(state);
  return {
    ...{ name: `${pipeline}/releases/${release}/rollouts/${id}`, targetId: 'prod', state, createTime },
    ...((hasStarted ?? !isWaiting) ? { deployStartTime: createTime } : {}),
    ...(approvalState === undefined ? {} : { approvalState }),
    ...(failureReason === undefined ? {} : { failureReason }),
  };
}

const look = (params: JsonObject): Promise<Observation> => rollback.observe(params, hands.context(place));

actionContract('gcp.deploy-rollback', {
  kind: rollback,
  set: () => {
    const at = target(['v43', 'SUCCEEDED'], ['v42', 'SUCCEEDED'], ['v41', 'SUCCEEDED']);
    return Promise.resolve({
      ...{ params: { from: 'v43' }, remove: () => Promise.resolve() },
      world: () => Promise.resolve(structuredClone(at.rollouts)),
      restorable: () => Promise.resolve(at.rollouts[0]?.release),
      context: (signal?: AbortSignal, timeoutMs?: number) => hands.context(place, signal, timeoutMs),
      effects: () => Promise.resolve(at.asked.length),
    });
  },
  probeTells: true,
  refused: {
    'the release that is there': { toRelease: 'v43' },
    'another that is blamed': { from: 'v42' },
    'a release that was never there': { toRelease: 'v40' },
    'a name that is none': { toRelease: '../v42' },
  },
});

describe('taking a target of Cloud Deploy back', () => {
  it('passes over releases that did not succeed there, and names from what to what', async () => {
    const at = target(['v44', 'FAILED'], ['v43', 'FAILED'], ['v42', 'SUCCEEDED'], ['v41', 'SUCCEEDED']);
    const seen = await look({ from: 'v44' });
    expect(rollback.preview({}, seen).diff).toEqual(['gcp/europe-west1/deploy/shop/prod release: v44 → v42']);
    const before = rollback.before({}, seen);
    expect(await rollback.run({}, before, 'k', hands.context(place))).toMatchObject({ is: 'done' });
    expect(at.asked).toMatchObject([{ release: 'v42' }]);
  });

  it('does not put a release back, by undo, that never succeeded there', async () => {
    const at = target(['v43', 'FAILED'], ['v42', 'SUCCEEDED']);
    const before = rollback.before({}, await look({}));
    await rollback.run({}, before, 'k', hands.context(place));
    expect(await rollback.undo({}, before, 'k-undo', hands.context(place))).toMatchObject({
      ...{ is: 'failed', message: expect.stringContaining('no rollout of v43') as string },
    });
    expect(at.asked).toHaveLength(1);
  });

  it.each([
    ['IN_PROGRESS', /v44-0 of v44 is IN_PROGRESS/],
    ['PENDING_APPROVAL', /v44-0 of v44 is PENDING_APPROVAL: somebody has to approve or reject it/],
  ])('is held while a rollout of others is %s', async (state, why) => {
    target(['v44', state], ['v43', 'SUCCEEDED'], ['v42', 'SUCCEEDED']);
    expect((await look({})).busy).toMatch(why);
  });

  it('knows that one which was rejected, or cancelled before it began, left the target as it was', async () => {
    target(['v45', 'CANCELLED'], ['v44', 'APPROVAL_REJECTED'], ['v43', 'SUCCEEDED'], ['v42', 'SUCCEEDED']);
    expect((await look({ from: 'v43' })).facts).toMatchObject({ now: 'v43', to: 'v42' });
    target(['v45', 'CANCELLED', { hasStarted: true }], ['v43', 'SUCCEEDED'], ['v42', 'SUCCEEDED']);
    expect((await look({ from: 'v45' })).facts).toMatchObject({ now: 'v45', to: 'v43' });
  });

  it('says before the act that somebody has to approve it, and then that it waits for that', async () => {
    const at = target(['v43', 'SUCCEEDED', { approvalState: 'APPROVED' }], ['v42', 'SUCCEEDED']);
    at.next = { state: 'PENDING_APPROVAL', approvalState: 'NEEDS_APPROVAL' };
    const seen = await look({});
    expect(seen.facts['needsApproval']).toBe(true);
    expect(rollback.preview({}, seen).diff[1]).toContain('somebody has to approve it');
    const before = rollback.before({}, seen);
    const result = await rollback.run({}, before, 'k', hands.context(place));
    expect(result).toMatchObject({ is: 'unknown', message: expect.stringContaining('has to approve') as string });
    await rollback.run({}, before, 'k', hands.context(place));
    expect(at.asked).toHaveLength(1);
  });

  it.each(['FAILED', 'CANCELLED', 'APPROVAL_REJECTED'])('tells that its own rollout ended as %s', async (state) => {
    const at = target(['v43', 'SUCCEEDED'], ['v42', 'SUCCEEDED']);
    at.next = { state, failureReason: 'the job failed' };
    const before = rollback.before({}, await look({}));
    const result = await rollback.run({}, before, 'k', hands.context(place));
    expect(result).toMatchObject({ is: 'failed', message: expect.stringContaining(`of v42 is ${state}`) as string });
  });

  it('touches nothing when somebody rolled out something else meanwhile', async () => {
    const at = target(['v43', 'SUCCEEDED'], ['v42', 'SUCCEEDED']);
    const before = rollback.before({}, await look({}));
    at.rollouts = [{ release: 'v44', id: 'v44-9', state: 'SUCCEEDED' }, ...at.rollouts];
    expect(await rollback.run({}, before, 'k', hands.context(place))).toMatchObject({ is: 'failed' });
    expect(at.asked).toEqual([]);
  });

  it('says what is wrong where nothing was ever rolled out, and where it may not', async () => {
    target();
    await expect(look({})).rejects.toMatchObject({ code: 'not-found' });
    target(['v43', 'SUCCEEDED'], ['v42', 'SUCCEEDED']);
    const before = rollback.before({}, await look({}));
    world.others.set('deploy deliveryPipelines.rollbackTarget', () => fault(403, 'PERMISSION_DENIED', 'no actAs'));
    expect(await rollback.run({}, before, 'k', hands.context(place))).toMatchObject({
      ...{ is: 'failed', message: expect.stringContaining('no actAs') as string },
    });
    expect(hands.server.called.filter(({ method }) => method.startsWith('deploy')).at(-1)?.account).toBe(operator);
  });
});
