import { describe, expect, it } from 'vitest';

import { createLadder, type Ladder } from '../../src/agent/ladder.ts';
import { createMetrics } from '../../src/agent/metrics.ts';
import type { Escalation } from '../../src/domain/definitions.ts';
import type { Channel, Delivery, Notice } from '../../src/domain/ports/channel.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { diskLedger, diskStore, emptyDisk, type Disk } from '../support/memory-store.ts';
import { virtualClock, type VirtualClock } from '../support/virtual-clock.ts';

const minute = 60_000;
const oncall: Escalation = {
  name: 'oncall',
  steps: [
    { notify: [{ channel: 'chat', address: '#oncall' }], waitMs: 5 * minute },
    {
      notify: [
        { channel: 'pager', address: 'a' },
        { channel: 'mail', address: 'b' },
      ],
      waitMs: 10 * minute,
    },
  ],
  approvers: {},
};
const notice = (id: string): Notice => ({
  id,
  kind: 'approval-needed',
  atMs: 0,
  title: 'Your approval is needed',
  lines: ['because'],
});

interface World {
  readonly clock: VirtualClock;
  /** Each of its methods waits until nobody is being told any more. */
  readonly ladder: Omit<Ladder, 'tick'> & { tick(): Promise<void> };
  readonly disk: Disk;
  readonly log: ReturnType<typeof recordingLog>;
  /** `channel:notice` in the order of posting. */
  readonly posted: string[];
  answers: Record<string, Delivery | 'throws'>;
  /** Notices about what was settled. */
  readonly settled: Set<string>;
}

function makeWorld(disk: Disk = emptyDisk(), missing: readonly string[] = []): World {
  const clock = virtualClock();
  const posted: string[] = [];
  const world = { clock, disk, log: recordingLog(), posted, answers: {}, settled: new Set() } as unknown as {
    -readonly [K in keyof World]: World[K];
  };
  const channel = (id: string): Channel => ({
    id,
    kind: id,
    traits: { approvals: false, threads: false, edits: false },
    post: (one) => {
      posted.push(`${id}:${one.id}`);
      const answer = world.answers[id] ?? { is: 'accepted' };
      return answer === 'throws' ? Promise.reject(new Error('boom')) : Promise.resolve(answer);
    },
    check: () => Promise.resolve(),
    close: () => Promise.resolve(),
  });
  const channels = new Map(
    ['log', 'chat', 'pager', 'mail'].filter((id) => !missing.includes(id)).map((id) => [id, channel(id)]),
  );
  disk.epoch = 1;
  const ladder = createLadder({
    clock,
    log: world.log,
    metrics: createMetrics(),
    store: diskStore(disk),
    ledger: diskLedger(disk, 1),
    channels: () => channels,
    escalations: () => new Map([['oncall', oncall]]),
    over: ({ id }) => (world.settled.has(id) ? 'it was settled' : undefined),
    signal: new AbortController().signal,
  });
  world.ladder = {
    ...ladder,
    call: async (...args) => {
      await ladder.call(...args);
      await ladder.idle();
    },
    tick: async () => {
      ladder.tick();
      await ladder.idle();
    },
    resume: async () => {
      await ladder.resume();
      await ladder.idle();
    },
  };
  return world;
}

describe('calling people', () => {
  it('tells the first rung, waits, and goes on to the next when nobody answers', async () => {
    const { ladder, clock, posted } = makeWorld();
    await ladder.call(notice('n'), 'oncall', true);
    expect(posted).toEqual(['chat:n']);
    await clock.advance(5 * minute - 1);
    await ladder.tick();
    expect(posted).toEqual(['chat:n']);
    await clock.advance(1);
    await ladder.tick();
    expect(posted).toEqual(['chat:n', 'pager:n', 'mail:n']);
    expect(ladder.calls()[0]).toMatchObject({ done: true });
  });
  it('stops climbing when somebody answered', async () => {
    const { ladder, clock, posted } = makeWorld();
    const incident = { id: 'i1', service: 's' } as never;
    await ladder.call({ ...notice('n'), incident }, 'oncall', true);
    await ladder.answered('i1', 'approved');
    await clock.advance(60 * minute);
    await ladder.tick();
    expect(posted).toEqual(['chat:n']);
  });
  it('calls nobody further to a question that was settled, though whoever settled it died before saying so', async () => {
    const { ladder, clock, posted, settled } = makeWorld();
    await ladder.call(notice('n'), 'oncall', true);
    settled.add('n');
    await clock.advance(60 * minute);
    await ladder.tick();
    expect(posted).toEqual(['chat:n']);
    expect(ladder.calls()[0]).toMatchObject({ done: true, because: 'it was settled' });
  });
  it('says the same thing once, however often it comes up', async () => {
    const { ladder, posted } = makeWorld();
    await ladder.call(notice('n'), 'oncall', true);
    await ladder.call(notice('n'), 'oncall', true);
    expect(posted).toEqual(['chat:n']);
  });
  it.each([
    ['refuses it', { is: 'failed', reason: 'no such room', retryable: false }],
    ['throws', 'throws'],
  ] as const)('goes on at once to the next rung when the channel %s', async (_, answer) => {
    const world = makeWorld();
    world.answers = { chat: answer };
    await world.ladder.call(notice('n'), 'oncall', true);
    expect(world.posted).toEqual(['chat:n', 'pager:n', 'mail:n']);
  });
  it('goes on at once when a channel is missing altogether', async () => {
    const { ladder, posted } = makeWorld(emptyDisk(), ['chat']);
    await ladder.call(notice('n'), 'oncall', true);
    expect(posted).toEqual(['pager:n', 'mail:n']);
  });
  it('falls to the log when the escalation does not exist: never silent', async () => {
    const { ladder, posted } = makeWorld();
    await ladder.call(notice('n'), 'nobody-wrote-this', true);
    expect(posted).toEqual(['log:n']);
  });
  it('tells news that needs no answer only on the first rung', async () => {
    const { ladder, clock, posted } = makeWorld();
    await ladder.call(notice('n'), 'oncall', false);
    await clock.advance(60 * minute);
    await ladder.tick();
    expect(posted).toEqual(['chat:n']);
  });
  it('climbs the whole ladder again, after pauses that grow, while nobody at all can be reached, and stops when one is', async () => {
    const world = makeWorld();
    const { ladder, clock, posted } = world;
    const gone: Delivery = { is: 'failed', reason: 'not reached', retryable: true };
    world.answers = { chat: gone, pager: gone, mail: gone };
    await ladder.call(notice('n'), 'oncall', true);
    const round = ['chat:n', 'pager:n', 'mail:n'];
    expect(posted).toEqual(round);
    await clock.advance(29_000);
    await ladder.tick();
    expect(posted).toEqual(round);
    await clock.advance(1_000);
    await ladder.tick();
    expect(posted).toEqual([...round, ...round]);
    await clock.advance(30_000);
    await ladder.tick();
    expect(posted).toHaveLength(6);
    world.answers = {};
    await clock.advance(30_000);
    await ladder.tick();
    expect(posted.slice(6)).toEqual(['chat:n']);
    await clock.advance(5 * minute);
    await ladder.tick();
    expect(posted.slice(6)).toEqual(['chat:n', 'pager:n', 'mail:n']);
    expect(ladder.calls()[0]).toMatchObject({ done: true, because: 'everybody on the ladder was told' });
  });
  it('goes on trying after a restart, no sooner than it would have, and not for a question that was settled', async () => {
    const world = makeWorld();
    const gone: Delivery = { is: 'failed', reason: 'not reached', retryable: true };
    world.answers = { chat: gone, pager: gone, mail: gone };
    await world.ladder.call(notice('n'), 'oncall', true);
    await world.ladder.call(notice('settled'), 'oncall', true);
    const again = makeWorld(world.disk);
    again.settled.add('settled');
    await again.ladder.resume();
    await again.ladder.tick();
    expect(again.posted).toEqual([]);
    await again.clock.advance(minute);
    await again.ladder.tick();
    expect(again.posted).toEqual(['chat:n']);
  });
  it('gives up after a day, and at once where trying again could not help', async () => {
    const world = makeWorld();
    const { ladder, clock, posted } = world;
    const gone: Delivery = { is: 'failed', reason: 'not reached', retryable: true };
    world.answers = { chat: gone, pager: gone, mail: gone };
    await ladder.call(notice('n'), 'oncall', true);
    for (let at = 0; at < 26 * 6; at++) {
      await clock.advance(10 * minute);
      await ladder.tick();
    }
    const tried = posted.length / 3;
    expect(tried).toBeGreaterThan(100);
    expect(tried).toBeLessThan(160);
    expect(ladder.calls()[0]).toMatchObject({ done: true, because: 'nobody on the ladder could be reached' });
    const never: Delivery = { is: 'failed', reason: 'no such conversation', retryable: false };
    world.answers = { chat: never, pager: never, mail: never };
    await ladder.call(notice('m'), 'oncall', true);
    expect(ladder.calls().find(({ notice }) => notice.id === 'm')).toMatchObject({ done: true });
  });
  it('announces nothing again after a restart, and goes on where it was', async () => {
    const first = makeWorld();
    await first.ladder.call(notice('n'), 'oncall', true);
    const second = makeWorld(first.disk);
    await second.ladder.resume();
    await second.ladder.call(notice('n'), 'oncall', true);
    expect(second.posted).toEqual([]);
    await second.clock.advance(5 * minute);
    await second.ladder.tick();
    expect(second.posted).toEqual(['pager:n', 'mail:n']);
  });
  it('sends again, under the same id, what was being sent when the process died', async () => {
    const first = makeWorld();
    await first.ladder.call(notice('n'), 'oncall', true);
    const row = first.disk.rows.get('delivery\nn')!;
    const call = row.value as unknown as { deliveries: readonly object[] };
    first.disk.rows.set('delivery\nn', {
      ...row,
      value: { ...call, rung: 0, deliveries: call.deliveries.map((one) => ({ ...one, is: 'sending' })) },
    });
    const second = makeWorld(first.disk);
    await second.ladder.resume();
    await second.ladder.tick();
    expect(second.posted).toEqual(['chat:n']);
  });
  it('does not put an interrupted question once more when it turns out to be settled before the first tick', async () => {
    const first = makeWorld();
    await first.ladder.call(notice('n'), 'oncall', true);
    const row = first.disk.rows.get('delivery\nn')!;
    const call = row.value as unknown as { deliveries: readonly object[] };
    first.disk.rows.set('delivery\nn', {
      ...row,
      value: { ...call, rung: 0, deliveries: call.deliveries.map((one) => ({ ...one, is: 'sending' })) },
    });
    const second = makeWorld(first.disk);
    await second.ladder.resume();
    second.settled.add('n');
    await second.ladder.tick();
    expect(second.posted).toEqual([]);
  });
  it('keeps every delivery in the ledger, failures too, with no address in the tree', async () => {
    const world = makeWorld();
    world.answers = { chat: { is: 'failed', reason: 'gone', retryable: false } };
    await world.ladder.call(notice('n'), 'oncall', true);
    const deliveries = world.disk.entries.filter((entry) => entry.type === 'delivery');
    expect(deliveries.map((entry) => entry.body['outcome'])).toEqual(['failed', 'accepted', 'accepted']);
    expect(JSON.stringify(world.disk.entries)).not.toContain('#oncall');
  });

  it('says in the log which channel failed and why, though others were reached', async () => {
    const world = makeWorld();
    world.answers = { chat: { is: 'failed', reason: 'login refused', retryable: false } };
    await world.ladder.call(notice('n'), 'oncall', true);
    expect(world.log.lines.filter(({ level }) => level === 'warn')).toEqual([
      expect.objectContaining({
        message: 'a notice could not be delivered',
        fields: expect.objectContaining({ channel: 'chat', notice: 'n', reason: 'login refused' }) as unknown,
      }),
    ]);
  });
});

describe('after many calls', () => {
  it('a restart forgets old ones that are done, and none that is still climbing', async () => {
    const first = makeWorld();
    await first.ladder.call(notice('0-climbing'), 'oncall', true);
    const done = [...first.disk.rows.values()].find((row) => row.key === '0-climbing')!;
    for (let n = 0; n < 1_500; n++) {
      const key = `1-${String(n).padStart(4, '0')}`;
      const value = { ...(done.value as object), notice: notice(key), done: true } as never;
      first.disk.rows.set(`delivery\n${key}`, { ...done, key, value });
    }
    const second = makeWorld(first.disk);
    await second.ladder.resume();
    expect(second.ladder.calls()).toHaveLength(1_000);
    await second.clock.advance(5 * minute);
    await second.ladder.tick();
    expect(second.posted).toEqual(['pager:0-climbing', 'mail:0-climbing']);
  });
});
