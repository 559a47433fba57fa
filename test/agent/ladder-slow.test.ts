import { describe, expect, it } from 'vitest';

import { createTurns } from '../../src/agent/cases/turns.ts';
import { createLadder, type Ladder } from '../../src/agent/ladder.ts';
import { createMetrics } from '../../src/agent/metrics.ts';
import type { Channel, Delivery, Notice } from '../../src/domain/ports/channel.ts';
import type { LedgerDraft } from '../../src/domain/ledger.ts';
import type { Ledger } from '../../src/domain/ports/ledger.ts';
import { diskLedger, diskStore, emptyDisk, type Disk } from '../support/memory-store.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { virtualClock } from '../support/virtual-clock.ts';

const incident = { id: 'i1', service: 's' } as never;
const notice: Notice = { id: 'n', kind: 'suggestion', atMs: 0, title: 'Trouble', lines: [], incident };

function ladderWith(
  post: Channel['post'],
  disk: Disk = emptyDisk(),
  signal = new AbortController().signal,
  bend: (ledger: Ledger) => Ledger = (ledger) => ledger,
  rungs: readonly (readonly string[])[] = [['a'], ['b']],
): Ladder {
  disk.epoch = 1;
  const channel = (id: string): Channel => ({
    id,
    kind: id,
    traits: { approvals: false, threads: false, edits: false },
    post: (said, address, stop) => post({ ...said, title: id }, address, stop),
    check: () => Promise.resolve(),
    close: () => Promise.resolve(),
  });
  return createLadder({
    clock: virtualClock(),
    log: recordingLog(),
    metrics: createMetrics(),
    store: diskStore(disk),
    ledger: bend(diskLedger(disk, 1)),
    channels: () => new Map(rungs.flat().map((id) => [id, channel(id)])),
    escalations: () =>
      new Map([
        [
          'oncall',
          {
            name: 'oncall',
            steps: rungs.map((ids) => ({ notify: ids.map((id) => ({ channel: id, address: '' })), waitMs: 0 })),
            approvers: {},
          },
        ],
      ]),
    signal,
  });
}

describe('a slow or broken way to people', () => {
  it('holds nobody up: the call is durable, and the telling goes on beside', async () => {
    const slow = Promise.withResolvers<Delivery>();
    const disk = emptyDisk();
    const ladder = ladderWith(() => slow.promise, disk);
    await ladder.call(notice, 'oncall', true);
    ladder.tick();
    expect(ladder.calls()[0]).toMatchObject({ done: false });
    slow.resolve({ is: 'accepted' });
    await ladder.idle();
  });
  it('tells the others on a rung while one of them hangs, and writes them in the order of the rung', async () => {
    const hung = Promise.withResolvers<Delivery>();
    const allTold = Promise.withResolvers<undefined>();
    const told: string[] = [];
    const drafts: LedgerDraft[] = [];
    const ladder = ladderWith(
      ({ title }) => {
        told.push(title);
        if (title === 'c') allTold.resolve(undefined);
        return title === 'a' ? hung.promise : Promise.resolve<Delivery>({ is: 'accepted' });
      },
      emptyDisk(),
      new AbortController().signal,
      (ledger) => ({
        ...ledger,
        record: (batch) => {
          drafts.push(...batch.drafts);
          return ledger.record(batch);
        },
      }),
      [['a', 'b', 'c']],
    );
    await ladder.call(notice, 'oncall', true);
    await allTold.promise;
    expect(told).toEqual(['a', 'b', 'c']);
    hung.resolve({ is: 'failed', reason: 'it hung', retryable: true });
    await ladder.idle();
    const outcomes = drafts.filter(({ type }) => type === 'delivery').map(({ body }) => body);
    expect(outcomes).toMatchObject([
      { channel: 'a', outcome: 'failed' },
      { channel: 'b', outcome: 'accepted' },
      { channel: 'c', outcome: 'accepted' },
    ]);
    expect(ladder.calls()[0]).toMatchObject({ done: true, deliveries: [{ channel: 'a' }, {}, {}] });
  });
  it('has no more of a rung under way at once than its bound, and tells all of it', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `c${String(index).padStart(2, '0')}`);
    let underWay = 0;
    let most = 0;
    const told: string[] = [];
    const ladder = ladderWith(
      async ({ title }) => {
        told.push(title);
        most = Math.max(most, ++underWay);
        await new Promise((resolve) => setImmediate(resolve));
        underWay--;
        return { is: 'accepted' };
      },
      emptyDisk(),
      new AbortController().signal,
      (ledger) => ledger,
      [names],
    );
    await ladder.call(notice, 'oncall', true);
    await ladder.idle();
    expect(told).toEqual(names);
    expect(most).toBe(8);
  });
  it('calls nobody further when the answer came while a channel was slow', async () => {
    const slow = Promise.withResolvers<Delivery>();
    let posts = 0;
    const ladder = ladderWith(() => {
      posts++;
      return slow.promise;
    });
    await ladder.call(notice, 'oncall', true);
    await ladder.answered('i1', 'it was acted on and helped');
    slow.resolve({ is: 'failed', reason: 'slow', retryable: true });
    await ladder.idle();
    ladder.tick();
    await ladder.idle();
    expect(posts).toBeLessThanOrEqual(1);
    expect(ladder.calls()[0]).toMatchObject({ done: true, because: 'it was acted on and helped' });
  });
  it('sends again after a stop what the stop cut off: nobody was told, so it is not over', async () => {
    const disk = emptyDisk();
    const stop = new AbortController();
    const cut = Promise.withResolvers<Delivery>();
    const begun = Promise.withResolvers<undefined>();
    const first = ladderWith(
      () => {
        begun.resolve(undefined);
        return cut.promise;
      },
      disk,
      stop.signal,
    );
    await first.call(notice, 'oncall', true);
    await begun.promise;
    stop.abort();
    cut.resolve({ is: 'failed', reason: 'aborted', retryable: true });
    await first.idle();
    expect(first.calls()[0]).toMatchObject({ done: false, deliveries: [{ is: 'sending' }] });
    let posts = 0;
    const second = ladderWith(() => {
      posts++;
      return Promise.resolve<Delivery>({ is: 'accepted' });
    }, disk);
    await second.resume();
    second.tick();
    await second.idle();
    expect(posts).toBeGreaterThanOrEqual(1);
  });
  it('tells people even when the ledger takes nothing', async () => {
    let posts = 0;
    const ladder = ladderWith(
      () => {
        posts++;
        return Promise.resolve<Delivery>({ is: 'accepted' });
      },
      emptyDisk(),
      new AbortController().signal,
      (ledger) => ({ ...ledger, record: () => Promise.reject(new Error('disk full')) }),
    );
    await ladder.call(notice, 'oncall', false);
    await ladder.idle();
    expect(posts).toBe(1);
  });
});

describe('work in turns', () => {
  it('knows what waits or is in work', async () => {
    const gate = Promise.withResolvers<undefined>();
    const turns = createTurns(1, async () => {
      await gate.promise;
    });
    turns.add('a');
    turns.add('b');
    expect([turns.has('a'), turns.has('b'), turns.has('c')]).toEqual([true, true, false]);
    gate.resolve(undefined);
    await turns.idle();
    expect(turns.has('a')).toBe(false);
  });
});
