import { describe, expect, it } from 'vitest';

import type { Agent } from '../../src/agent/index.ts';
import { createFeed } from '../../src/api/feed.ts';
import type { LedgerEntry } from '../../src/domain/ledger.ts';
import { limits } from '../../src/lib/limits.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { virtualClock } from '../support/virtual-clock.ts';

/** A feed over a ledger of so many entries, and a client that reads all there is. */
function setUp(size: number) {
  const clock = virtualClock();
  const ledger = { size, reads: 0, broken: false };
  const agent = {
    ledgerSize: () => ledger.size,
    ledgerNews: (from: number, limit: number) => {
      ledger.reads += 1;
      if (ledger.broken) return Promise.reject(new Error('the store is away'));
      return Promise.resolve(Array.from({ length: Math.min(limit, ledger.size - from) }, (_, at) => entry(from + at)));
    },
  } as unknown as Agent;
  const feed = createFeed({ agent, clock, log: recordingLog() });
  const listen = (lastEventId?: string, who = 'token:ana', holds: () => boolean = () => true) => {
    const reader = feed.listen({ who: { id: who, groups: [] }, lastEventId, holds }).getReader();
    const client = { text: '', over: false, reader };
    const read = async (): Promise<void> => {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        client.text += new TextDecoder().decode(value);
      }
      client.over = true;
    };
    void read();
    return client;
  };
  return { clock, ledger, feed, listen };
}

const entry = (seq: number): LedgerEntry => ({
  ...{ v: 1, seq, type: 'decision', atMs: seq, actor: 'watch\nkeeper', epoch: 1 },
  subject: { incident: 'i' },
  body: { secretish: 'not told' },
});
const eventsOf = (text: string): readonly string[] =>
  [...text.matchAll(/^event: (.*)$/gm)].map((found) => found[1] ?? '');
const idsOf = (text: string): readonly number[] => [...text.matchAll(/^id: (\d+)$/gm)].map((found) => Number(found[1]));

describe('the feed of events', () => {
  it('says hello, and then each new entry once, under its number', async () => {
    const { clock, ledger, listen } = setUp(10);
    const client = listen();
    await clock.advance(2_000);
    expect([eventsOf(client.text), idsOf(client.text)]).toEqual([['hello'], [9]]);
    ledger.size = 12;
    await clock.advance(2_000);
    expect(idsOf(client.text)).toEqual([9, 10, 11]);
    expect(client.text).toContain(
      'event: decision\nid: 11\ndata: {"seq":11,"type":"decision","atMs":11,"actor":"watch\\nkeeper","subject":{"incident":"i"}}\n\n',
    );
    expect(client.text).not.toContain('not told');
  });

  it('goes on where a client was, over many readings, with nothing twice and nothing left out', async () => {
    const { clock, listen } = setUp(900);
    const client = listen('99');
    await clock.advance(10_000);
    expect(idsOf(client.text)).toEqual(Array.from({ length: 801 }, (_, at) => 99 + at));
    expect(eventsOf(client.text)).not.toContain('reset');
  });

  it.each(['5', '99999999', '-1', 'abc', '', '9'.repeat(40)])(
    'tells one who heard %j last to look anew',
    async (last) => {
      const { clock, listen } = setUp(2_000);
      const client = listen(last);
      await clock.advance(2_000);
      expect([eventsOf(client.text), idsOf(client.text)]).toEqual([['reset'], [1_999]]);
    },
  );

  it('gives a sign of life, looks at no ledger that has not grown, and stops when nobody listens', async () => {
    const { clock, ledger, feed, listen } = setUp(3);
    const client = listen();
    await clock.advance(limits.feedBeatMs * 3 + 2_000);
    expect(client.text.match(/: still here/g)).toHaveLength(3);
    expect(ledger.reads).toBe(0);
    await client.reader.cancel();
    await clock.advance(2_000);
    expect([feed.listeners, clock.sleepers]).toEqual([0, 0]);
  });

  it('ends when what the client came with no longer holds', async () => {
    const { clock, ledger, listen } = setUp(3);
    let holds = true;
    const client = listen(undefined, 'token:ana', () => holds);
    await clock.advance(2_000);
    holds = false;
    ledger.size = 4;
    await clock.advance(2_000);
    expect([client.over, idsOf(client.text)]).toEqual([true, [2]]);
  });

  it('lets in so many of one identity, and so many in all', () => {
    const { listen } = setUp(3);
    for (let n = 0; n < limits.feedListenersEach; n += 1) listen();
    expect(() => listen()).toThrow('too many');
    const others = limits.feedListeners - limits.feedListenersEach;
    for (let n = 0; n < others; n += 1) listen(undefined, `token:${n}`);
    expect(() => listen(undefined, 'token:one-more')).toThrow('too many');
  });

  it('queues no more than its bound for one who does not read, and lets him go', async () => {
    const { clock, ledger, feed } = setUp(0);
    const stream = feed.listen({ who: { id: 'a', groups: [] }, lastEventId: undefined, holds: () => true });
    ledger.size = 100_000;
    await clock.advance(10_000);
    expect(ledger.reads).toBeLessThanOrEqual(Math.ceil(limits.feedQueued / limits.feedAtOnce) + 1);
    await clock.advance(limits.feedStalledMs * 2);
    expect(feed.listeners).toBe(0);
    await stream.cancel();
  });

  it('survives a ledger that cannot be read for a while', async () => {
    const { clock, ledger, listen } = setUp(3);
    const client = listen();
    ledger.broken = true;
    ledger.size = 5;
    await clock.advance(3_000);
    ledger.broken = false;
    await clock.advance(3_000);
    expect(idsOf(client.text)).toEqual([2, 3, 4]);
  });

  it('ends every stream when the daemon stops, and lets nobody in any more', async () => {
    const { clock, feed, listen } = setUp(3);
    const clients = [listen(), listen()];
    await clock.advance(1_000);
    feed.close();
    await clock.advance(1_000);
    expect(clients.map(({ over }) => over)).toEqual([true, true]);
    expect(() => listen()).toThrow('stopping');
  });
});
