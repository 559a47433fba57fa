import { expect, it } from 'vitest';

import { createLadder } from '../../src/agent/ladder.ts';
import { createMetrics } from '../../src/agent/metrics.ts';
import type { Channel } from '../../src/domain/ports/channel.ts';
import { consentNeeded } from '../chat/notices.ts';
import { diskLedger, diskStore, emptyDisk } from '../support/memory-store.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { virtualClock } from '../support/virtual-clock.ts';

function ladderOver(channels: readonly Channel[]) {
  const disk = emptyDisk();
  disk.epoch = 1;
  const steps = [{ notify: channels.map(({ id }) => ({ channel: id, address: 'x' })), waitMs: 0 }];
  return createLadder({
    clock: virtualClock(),
    log: recordingLog(),
    metrics: createMetrics(),
    store: diskStore(disk),
    ledger: diskLedger(disk, 1),
    channels: () => new Map(channels.map((channel) => [channel.id, channel])),
    escalations: () => new Map([['oncall', { name: 'oncall', steps, approvers: {} }]]),
    signal: new AbortController().signal,
  });
}

const channel = (id: string, more: Partial<Channel> = {}): Channel => ({
  id,
  kind: id,
  traits: { approvals: true, threads: true, edits: true },
  post: () => Promise.resolve({ is: 'accepted', ref: `${id}-1` }),
  check: () => Promise.resolve(),
  close: () => Promise.resolve(),
  ...more,
});

it('a question that was answered elsewhere is shown as answered wherever it was asked, and nothing fails by that', async () => {
  const said: string[] = [];
  const ladder = ladderOver([
    channel('able', {
      settled: (notice, address, outcome, _signal, { ref }) => {
        said.push(`${notice.plan?.id ?? ''} ${address} ${ref} ${outcome}`);
        return Promise.resolve();
      },
    }),
    channel('broken', { settled: () => Promise.reject(new Error('gone')) }),
    channel('unreached', {
      post: () => Promise.resolve({ is: 'failed', reason: 'away', retryable: true }),
      settled: () => {
        said.push('never told');
        return Promise.resolve();
      },
    }),
    channel('plain'),
  ]);
  await ladder.call(consentNeeded, 'oncall', true);
  await ladder.idle();
  ladder.settled('another plan', 'Approved');
  ladder.settled(consentNeeded.plan!.id, 'Approved by cli:ana');
  await ladder.idle();
  await new Promise((resolve) => setImmediate(resolve));
  expect(said).toEqual([`${consentNeeded.plan!.id} x able-1 Approved by cli:ana`]);
});
