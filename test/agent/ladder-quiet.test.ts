import { describe, expect, it } from 'vitest';

import { createLadder, type Ladder } from '../../src/agent/ladder.ts';
import { createMetrics } from '../../src/agent/metrics.ts';
import type { Incident, Severity } from '../../src/domain/alert.ts';
import type { Escalation } from '../../src/domain/definitions.ts';
import type { Channel, Notice, NoticeKind } from '../../src/domain/ports/channel.ts';
import { diskLedger, diskStore, emptyDisk, type Disk } from '../support/memory-store.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { virtualClock } from '../support/virtual-clock.ts';

const minute = 60_000;
// Quiet from now on for an hour, for all that is not critical.
const quietMs = 60 * minute;

function worldOf(disk: Disk = emptyDisk()) {
  const clock = virtualClock();
  const startMs = clock.nowMs();
  const told: Notice[] = [];
  const severities = new Map<string, Severity>();
  const channel: Channel = {
    id: 'chat',
    kind: 'chat',
    traits: { approvals: false, threads: false, edits: false },
    post: (notice) => {
      told.push(notice);
      return Promise.resolve({ is: 'accepted' });
    },
    check: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const oncall: Escalation = {
    name: 'oncall',
    steps: [
      { notify: [{ channel: 'chat', address: 'a' }], waitMs: 5 * minute },
      { notify: [{ channel: 'chat', address: 'b' }], waitMs: 5 * minute },
    ],
    approvers: {},
    holds: (severity, nowMs) => (severity !== 'critical' && nowMs < startMs + quietMs ? startMs + quietMs : undefined),
  };
  disk.epoch = 1;
  const over = new Map<string, string>();
  const ladder: Ladder = createLadder({
    clock,
    log: recordingLog(),
    metrics: createMetrics(),
    store: diskStore(disk),
    ledger: diskLedger(disk, 1),
    channels: () => new Map([['chat', channel]]),
    escalations: () => new Map([['oncall', oncall]]),
    severity: ({ incident }) => severities.get(incident?.id ?? ''),
    over: ({ id }) => over.get(id),
    signal: new AbortController().signal,
  });
  const rest = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) {
      ladder.tick();
      await clock.advance(0);
      await ladder.idle();
    }
  };
  const call = async (id: string, kind: NoticeKind, severity: Severity, climbs = true): Promise<void> => {
    await ladder.call(noticeOf(id, kind, severity, clock.nowMs()), 'oncall', climbs);
    await rest();
  };
  const pass = async (ms: number): Promise<void> => {
    await clock.advance(ms);
    await rest();
  };
  return { ladder, clock, told, severities, disk, call, pass, rest, over };
}

function noticeOf(id: string, kind: NoticeKind, severity: Severity, atMs: number): Notice {
  const incident = { id, severity, status: 'open', service: 's', services: ['s'] } as unknown as Incident;
  return { id: `${id}/${kind}`, kind, atMs, title: `${id} is ${kind}`, lines: [], incident };
}

const kinds = (told: readonly Notice[]): readonly string[] =>
  told.map(({ id, kind }) => `${kind} ${id.split('/')[0] ?? ''}`);

describe('in quiet hours', () => {
  it('what is not critical waits, and is told at their end in one digest that names each', async () => {
    const { call, pass, told } = worldOf();
    await call('i1', 'opened', 'warning', false);
    await call('i2', 'opened', 'info', false);
    await pass(59 * minute);
    expect(told).toEqual([]);
    await pass(2 * minute);
    expect(kinds(told)).toEqual(['digest digest']);
    expect(told[0]?.lines).toHaveLength(2);
    expect(told[0]?.lines.join()).toContain('[warning] i1 is opened');
    expect(told[0]?.lines.join()).toContain('[info] i2 is opened');
  });

  it.each<[NoticeKind, Severity]>([
    ['nothing-matched', 'critical'],
    ['approval-needed', 'critical'],
    ['act-failed', 'info'],
  ])('%s of an incident that is %s is told at once', async (kind, severity) => {
    const { call, told } = worldOf();
    await call('i1', kind, severity);
    expect(kinds(told)).toEqual([`${kind} i1`]);
  });

  it('news without an incident, such as the watch’s own trouble, is told at once', async () => {
    const { ladder, rest, told } = worldOf();
    await ladder.call({ id: 'u', kind: 'agent-unwell', atMs: 0, title: 'unwell', lines: [] }, 'oncall', false);
    await rest();
    expect(told).toHaveLength(1);
  });

  it('what becomes critical is called about at once', async () => {
    const { call, pass, told, severities } = worldOf();
    await call('i1', 'nothing-matched', 'warning');
    expect(told).toEqual([]);
    severities.set('i1', 'critical');
    await pass(1_000);
    expect(kinds(told)).toEqual(['nothing-matched i1']);
  });

  it('what still asks for somebody afterwards is called about behind the digest, and climbs', async () => {
    const { call, pass, told } = worldOf();
    await call('i1', 'nothing-matched', 'warning');
    await call('i2', 'opened', 'warning', false);
    await pass(quietMs);
    expect(kinds(told)).toEqual(['digest digest', 'nothing-matched i1']);
    await pass(6 * minute);
    expect(kinds(told)).toEqual(['digest digest', 'nothing-matched i1', 'nothing-matched i1']);
  });

  it('what was over before they were is in the digest and calls nobody', async () => {
    const { call, pass, told, ladder } = worldOf();
    await call('i1', 'nothing-matched', 'warning');
    await ladder.answered('i1', 'the incident was resolved');
    await call('i1', 'resolved', 'warning', false);
    await pass(quietMs + 10 * minute);
    expect(kinds(told)).toEqual(['digest digest']);
    expect(told[0]?.title).toContain('2 notices were held');
    expect(told[0]?.lines).toHaveLength(1);
    expect(told[0]?.lines[0]).toContain('i1 is resolved');
  });

  it('the end of what people were told of is told at once', async () => {
    const { call, told, severities } = worldOf();
    await call('i1', 'opened', 'critical', false);
    severities.set('i1', 'warning');
    await call('i1', 'resolved', 'warning', false);
    expect(kinds(told)).toEqual(['opened i1', 'resolved i1']);
  });

  it('one thing alone is told as it is', async () => {
    const { call, pass, told } = worldOf();
    await call('i1', 'approval-needed', 'warning');
    await pass(quietMs);
    expect(kinds(told)).toEqual(['approval-needed i1']);
  });

  it('a restart forgets nothing of what is held, and tells no digest twice', async () => {
    const first = worldOf();
    await first.call('i1', 'opened', 'warning', false);
    await first.call('i2', 'opened', 'warning', false);
    const second = worldOf(first.disk);
    await second.ladder.resume();
    await second.rest();
    expect(second.told).toEqual([]);
    await second.pass(quietMs);
    expect(kinds(second.told)).toEqual(['digest digest']);
    const third = worldOf(first.disk);
    await third.ladder.resume();
    await third.pass(2 * quietMs);
    expect(third.told).toEqual([]);
  });
});
