import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { createRetention, prunedSpaces, type InUse, type RetentionSettings } from '../../src/agent/retention/index.ts';
import type { Space } from '../../src/domain/ports/store.ts';
import { limits } from '../../src/lib/limits.ts';
import type { Json } from '../../src/lib/json.ts';
import { decide } from '../../src/policy/index.ts';
import { act, HOUR, input, NOW, plan } from '../policy/world.ts';
import { makeWorld } from '../support/executor-world.ts';
import { diskLedger, diskStore, emptyDisk, type Disk } from '../support/memory-store.ts';

const day = 24 * HOUR;
const settings: RetentionSettings = { historyMs: 90 * day, rows: 1_000 };
const nothing: InUse = {
  executions: new Set(),
  plans: new Set(),
  incidents: new Set(),
  detectors: new Set(['latency']),
};
const json = (value: unknown): Json => JSON.parse(JSON.stringify(value)) as Json;

/** Rows as the watch writes them, less what retention does not look at. */
const rows = {
  delivery: (atMs: number, more: { done?: boolean; incident?: string } = {}) => ({
    notice: { id: 'n', atMs, ...(more.incident === undefined ? {} : { incident: { id: more.incident } }) },
    done: more.done ?? true,
    deliveries: [],
  }),
  approval: (atMs: number, more: { status?: string; planId?: string; incidentId?: string } = {}) => ({
    planId: 'p',
    incidentId: 'i1',
    status: 'granted',
    requestedAtMs: atMs - HOUR,
    expiresAtMs: atMs,
    approvals: [],
    ...more,
  }),
  execution: (atMs: number, more: { open?: boolean; told?: boolean; incidentId?: string; id?: string } = {}) => ({
    id: more.id ?? 'x',
    status: more.open === true ? 'running' : 'succeeded',
    plan: plan(more.incidentId === undefined ? {} : { incidentId: more.incidentId }),
    steps: [],
    ...(more.open === true ? {} : { endedAtMs: atMs }),
    journal: { approvals: [], expected: {}, partly: [], told: more.told ?? true },
  }),
  diagnosis: (atMs: number, incidentId = 'i1') => ({ incidentId, updatedAtMs: atMs, plans: [], decisions: [] }),
  incident: (resolvedAtMs?: number) => ({
    status: resolvedAtMs === undefined ? 'mitigated' : 'resolved',
    updatedAtMs: resolvedAtMs ?? NOW - 200 * 24 * HOUR,
    ...(resolvedAtMs === undefined ? {} : { resolvedAtMs }),
  }),
  detector: (removedAtMs?: number) => ({
    digest: 'd',
    state: 1,
    ...(removedAtMs === undefined ? {} : { removedAtMs }),
  }),
};

function diskWith(written: readonly (readonly [Space, string, unknown])[]): Disk {
  const disk = emptyDisk();
  disk.epoch = 1;
  for (const [space, key, value] of written)
    disk.rows.set(`${space}\n${key}`, { space, key, value: json(value), version: 1 });
  return disk;
}

const left = (disk: Disk): readonly string[] =>
  [...disk.rows.values()].map(({ space, key }) => `${space} ${key}`).sort();

/** Goes round all spaces at least once. */
async function goRound(disk: Disk, more: { inUse?: InUse; settings?: RetentionSettings; nowMs?: number } = {}) {
  const retention = createRetention({
    store: diskStore(disk),
    ledger: diskLedger(disk, disk.epoch),
    nowMs: () => more.nowMs ?? NOW,
    inUse: () => more.inUse ?? nothing,
    settings: more.settings ?? settings,
  });
  const most = 3 * (prunedSpaces.length + Math.ceil(disk.rows.size / limits.retentionPage));
  let removed = 0;
  for (let tick = 0; tick < most; tick++) removed += await retention.tick();
  return removed;
}

describe('what is over', () => {
  const [old, young] = [NOW - 91 * day, NOW - 89 * day];

  it('goes when it is older than the retention, and not before', async () => {
    const at = (key: string, atMs: number) =>
      [
        ['delivery', key, rows.delivery(atMs)],
        ['approval', key, rows.approval(atMs)],
        ['execution', key, rows.execution(atMs)],
        ['diagnosis', key, rows.diagnosis(atMs, key)],
        ['incident', key, rows.incident(atMs)],
        ['detector', key, rows.detector(atMs)],
      ] as const;
    const disk = diskWith([...at('old', old), ...at('young', young)]);
    expect(await goRound(disk)).toBe(6);
    expect(left(disk)).toEqual([
      'approval young',
      'delivery young',
      'detector young',
      'diagnosis young',
      'execution young',
      'incident young',
    ]);
  });

  it.each<readonly [string, Space, unknown, Partial<InUse>]>([
    ['a notice that is still climbing', 'delivery', rows.delivery(old, { done: false }), {}],
    ['an approval that still waits', 'approval', rows.approval(old, { status: 'waiting' }), {}],
    ['the consent to a plan that is being carried out', 'approval', rows.approval(old), { plans: new Set(['p']) }],
    ['an execution that has not ended', 'execution', rows.execution(old, { open: true }), {}],
    ['an execution whose end nobody has taken in', 'execution', rows.execution(old, { told: false }), {}],
    ['an execution that the executor still holds', 'execution', rows.execution(old), { executions: new Set(['row']) }],
    ['the file of an incident the watch works on', 'diagnosis', rows.diagnosis(old), { incidents: new Set(['row']) }],
    ['an incident that is not resolved', 'incident', rows.incident(), {}],
    ['an incident that something unfinished is about', 'incident', rows.incident(old), { incidents: new Set(['row']) }],
    ['the state of a detector in force', 'detector', rows.detector(old), { detectors: new Set(['row']) }],
  ])('%s stays, however old', async (_what, space, value, inUse) => {
    const disk = diskWith([[space, 'row', value]]);
    await goRound(disk, { inUse: { ...nothing, ...inUse } });
    expect(left(disk)).toEqual([`${space} row`]);
  });

  it('stays while its incident is open in the store, though the watch may have forgotten it', async () => {
    const written = [
      ['delivery', 'a', rows.delivery(old, { incident: 'i1' })],
      ['approval', 'b', rows.approval(old)],
      ['execution', 'c', rows.execution(old, { incidentId: 'i1' })],
      ['diagnosis', 'i1', rows.diagnosis(old)],
    ] as const;
    const open = diskWith([...written, ['incident', 'i1', { status: 'mitigated' }]]);
    expect(await goRound(open)).toBe(0);
    const over = diskWith([...written, ['incident', 'i1', rows.incident(young)]]);
    expect(await goRound(over)).toBe(4);
    expect(left(over)).toEqual(['incident i1']);
  });

  it('stays when it was written anew between the look and the removal', async () => {
    const disk = diskWith([['diagnosis', 'i1', rows.diagnosis(old)]]);
    const ledger = diskLedger(disk, 1);
    const retention = createRetention({
      store: diskStore(disk),
      ledger: {
        ...ledger,
        record: async (batch) => {
          await ledger.record({
            drafts: [],
            puts: [{ space: 'diagnosis', key: 'i1', value: json(rows.diagnosis(NOW)) }],
          });
          return ledger.record(batch);
        },
      },
      nowMs: () => NOW,
      inUse: () => nothing,
      settings,
    });
    let removed = 0;
    for (let tick = 0; tick < prunedSpaces.length; tick++) removed += await retention.tick();
    expect([removed, left(disk)]).toEqual([0, ['diagnosis i1']]);
  });

  it('goes in batches that are small, whatever has piled up', async () => {
    const disk = diskWith(
      Array.from({ length: 430 }, (_, n) => ['delivery', `n${n}`.padStart(5, '0'), rows.delivery(old)] as const),
    );
    const sizes: number[] = [];
    const ledger = diskLedger(disk, 1);
    const retention = createRetention({
      store: diskStore(disk),
      ledger: {
        ...ledger,
        record: (batch) => {
          sizes.push(batch.puts?.length ?? 0);
          return ledger.record(batch);
        },
      },
      nowMs: () => NOW,
      inUse: () => nothing,
    });
    for (let tick = 0; tick < 9; tick++) await retention.tick();
    expect(left(disk)).toEqual([]);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(limits.retentionPage);
  });
});

describe('more rows than are kept', () => {
  const few: RetentionSettings = { historyMs: 90 * day, rows: 20 };
  const notices = (agesMs: readonly number[]) =>
    agesMs.map(
      (age, n) => ['delivery', String((n * 7919) % 1_000).padStart(4, '0'), rows.delivery(NOW - age)] as const,
    );

  it('lose the oldest before their time', async () => {
    const disk = diskWith(notices(Array.from({ length: 200 }, (_, n) => 8 * day + n * HOUR)));
    await goRound(disk, { settings: few });
    const ages = [...disk.rows.values()].map(({ value }) => NOW - (value as { notice: { atMs: number } }).notice.atMs);
    expect(ages.length).toBeLessThanOrEqual(few.rows + limits.retentionPage);
    expect(Math.max(...ages)).toBeLessThan(8 * day + (few.rows + limits.retentionPage) * HOUR);
    expect(ages).toContain(8 * day);
  });

  it('but never one that diagnoses still look back on', async () => {
    const disk = diskWith(notices(Array.from({ length: 200 }, (_, n) => n * 60_000)));
    expect(await goRound(disk, { settings: few })).toBe(0);
  });
});

describe('a detector that was removed', () => {
  it('keeps its state for the retention from when that was first seen, and for good when it comes back', async () => {
    const disk = diskWith([
      ['detector', 'gone', rows.detector()],
      ['detector', 'latency', rows.detector()],
    ]);
    expect(await goRound(disk)).toBe(0);
    expect(disk.rows.get('detector\ngone')?.value).toEqual({ digest: 'd', state: 1, removedAtMs: NOW });
    expect(disk.rows.get('detector\nlatency')?.value).toEqual(rows.detector());
    expect(await goRound(disk, { nowMs: NOW + 89 * day })).toBe(0);
    const back: InUse = { ...nothing, detectors: new Set(['gone', 'latency']) };
    expect(await goRound(disk, { nowMs: NOW + 91 * day, inUse: back })).toBe(0);
    expect(await goRound(disk, { nowMs: NOW + 91 * day })).toBe(1);
    expect(left(disk)).toEqual(['detector latency']);
  });
});

describe('whatever was done before', () => {
  const age = fc.oneof(fc.integer({ min: 0, max: 2 * day }), fc.integer({ min: 0, max: 200 * day }));
  const past = fc.record({
    age,
    over: fc.boolean(),
    resolved: fc.boolean(),
    outcome: fc.constantFrom('succeeded', 'failed', 'undone', 'unknown', 'running' as const),
    runbook: fc.constantFrom('restart-crashed-service', 'other'),
  });
  const specs: readonly Json[] = [
    { allow: [{ actions: ['*'], autonomy: 'act', bounds: { perHour: 3 } }] },
    { allow: [{ actions: ['*'], autonomy: 'act', bounds: { perDay: 4 } }] },
    { allow: [{ actions: ['*'], autonomy: 'act', earn: { runs: 3, success: 0.6 } }] },
    { allow: [{ actions: ['*'], autonomy: 'act' }] },
  ];

  it('removing what is over changes no decision: budgets, caps, earned autonomy and what is under way stay', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(past, { maxLength: 40 }), async (pasts) => {
        const world = makeWorld();
        for (const [n, one] of pasts.entries()) {
          const [id, incidentId, atMs] = [`x${n}`, `i${n}`, NOW - one.age];
          const keep = (space: Space, key: string, value: unknown): void =>
            void world.disk.rows.set(`${space}\n${key}`, { space, key, value: json(value), version: 1 });
          const done = act({ executionId: id, atMs, outcome: one.outcome, runbook: one.runbook });
          keep('act', `${id}/restart`, done);
          keep('incident', incidentId, { id: incidentId, status: one.resolved ? 'resolved' : 'open' });
          keep('execution', id, rows.execution(atMs, { id, incidentId, open: !one.over }));
          keep('approval', `p${n}`, rows.approval(atMs, { incidentId, status: one.over ? 'granted' : 'waiting' }));
          keep('delivery', `n${n}`, rows.delivery(atMs, { incident: incidentId, done: one.over }));
          keep('diagnosis', incidentId, rows.diagnosis(atMs, incidentId));
        }
        const look = async () => {
          const { executor } = world.boot();
          await executor.load();
          const history = executor.history();
          const decisions = specs.map((spec) => decide(input([spec], { history })));
          return { decisions, history, active: executor.active().map(({ id }) => id) };
        };
        const before = await look();
        await goRound(world.disk, { settings: { ...settings, rows: 5 } });
        expect(await look()).toEqual(before);
        for (const [n, one] of pasts.entries())
          if (!one.resolved || one.age < limits.lookBackMs)
            expect(left(world.disk)).toEqual(
              expect.arrayContaining([`diagnosis i${n}`, `delivery n${n}`, `incident i${n}`]),
            );
      }),
      { numRuns: 60 },
    );
  });
});
