import { describe, expect, it } from 'vitest';

import { createHealthDesk, staleParts, type HealthDesk } from '../../src/agent/health.ts';
import type { SourceStatus } from '../../src/agent/watch-sources.ts';
import { diskLedger, diskStore, emptyDisk, type Disk } from '../support/memory-store.ts';
import { virtualClock, type VirtualClock } from '../support/virtual-clock.ts';

function makeDesk(disk: Disk = emptyDisk()): {
  readonly clock: VirtualClock;
  readonly desk: HealthDesk;
  readonly disk: Disk;
} {
  const clock = virtualClock();
  disk.epoch = 1;
  return { clock, disk, desk: createHealthDesk(clock, diskLedger(disk, 1), diskStore(disk)) };
}
const status = (clock: VirtualClock, more: Partial<SourceStatus> = {}): SourceStatus => ({
  id: 'host',
  kind: 'host',
  intervalMs: 5_000,
  startedMs: clock.nowMs(),
  gaps: [],
  calls: 1,
  ...more,
});

describe('whether the agent may trust itself (I11)', () => {
  it('is well while clocks agree and sources answer', async () => {
    const { clock, desk } = makeDesk();
    const source = status(clock, { lastAnswerMs: clock.nowMs() });
    await clock.advance(10_000);
    expect(desk.checkClock()).toBe(0);
    expect(desk.health([source])).toEqual({ unwell: [] });
  });
  it.each([3_600_000, -3_600_000])('does not act for a while after the wall clock jumped by %d ms', async (jump) => {
    const { clock, desk } = makeDesk();
    clock.jumpWall(jump);
    expect(desk.checkClock()).toBe(jump);
    expect(desk.health([]).unwell[0]).toContain('wall clock jumped');
    await clock.advance(61_000);
    expect(desk.checkClock()).toBe(0);
    expect(desk.health([]).unwell).toEqual([]);
  });
  it('is blind when no source answers, and not when only one of two is silent', async () => {
    const { clock, desk } = makeDesk();
    const silent = status(clock, { id: 'prom' });
    await clock.advance(120_000);
    expect(desk.health([silent]).unwell[0]).toContain('no source answers: prom');
    expect(desk.health([silent, status(clock, { lastAnswerMs: clock.nowMs() })]).unwell).toEqual([]);
  });
  it('is blind when its only source knows nothing any more of what it is there to know, though it answers', () => {
    const { clock, desk } = makeDesk();
    const part = (name: string, more: object) => ({ name, objects: 1, vital: true, ...more });
    const gone = { stale: 'pods cannot be read' };
    const source = (...parts: readonly ReturnType<typeof part>[]) =>
      status(clock, { id: 'kubernetes', lastAnswerMs: clock.nowMs(), parts });
    expect(desk.health([source(part('pods', gone), part('events', { vital: false }))]).unwell[0]).toContain(
      'kubernetes',
    );
    expect(desk.health([source(part('pods', gone), part('nodes', {}))]).unwell).toEqual([]);
  });
  it('acts on nothing that a part which is not known any more concerns: by namespace, and only by vital parts', () => {
    const { clock } = makeDesk();
    const source = status(clock, {
      id: 'kubernetes',
      parts: [
        {
          name: 'shop/pods',
          namespace: 'shop',
          objects: 1,
          vital: true,
          stale: 'pods in namespace shop cannot be read',
        },
        { name: 'events', objects: 0, vital: false, stale: 'events cannot be read' },
        { name: 'nodes', objects: 1, vital: true },
      ],
    });
    expect(staleParts(source, ['shop'])).toEqual(['kubernetes: pods in namespace shop cannot be read']);
    expect(staleParts(source, ['bank'])).toEqual([]);
    expect(staleParts(source)).toHaveLength(2);
  });
  it('keeps standing reasons until they are taken back', () => {
    const { desk } = makeDesk();
    desk.set('resources', 'the files are broken');
    expect(desk.health([]).unwell).toEqual(['the files are broken']);
    desk.set('resources', undefined);
    expect(desk.health([]).unwell).toEqual([]);
  });
});

describe('the kill switch', () => {
  it('is named, reasoned, in the ledger, and survives a restart', async () => {
    const { desk, disk } = makeDesk();
    await desk.pause('cli:ana', 'migration tonight');
    const next = makeDesk(disk).desk;
    await next.restore();
    expect(next.health([]).paused).toMatchObject({ by: 'cli:ana', reason: 'migration tonight' });
    await next.resume('cli:bo', 'done');
    const last = makeDesk(disk).desk;
    await last.restore();
    expect(last.health([]).paused).toBeUndefined();
    expect(disk.entries.map((entry) => [entry.type, entry.actor])).toEqual([
      ['paused', 'cli:ana'],
      ['resumed', 'cli:bo'],
    ]);
  });
});
