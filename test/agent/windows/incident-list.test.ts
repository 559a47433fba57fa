import { describe, expect, it } from 'vitest';

import { listIncidents, type IncidentQuery } from '../../../src/agent/windows/incident-list.ts';
import type { Incident } from '../../../src/domain/alert.ts';
import type { Store } from '../../../src/domain/ports/store.ts';
import { diskStore, emptyDisk } from '../../support/memory-store.ts';
import { ramStore, emptyRamDisk } from '../../support/world/ram-store.ts';

const many = 10_000;
const idOf = (n: number): string => `0190-${String(n).padStart(6, '0')}`;

function incident(n: number, more: Partial<Incident> = {}): Incident {
  return {
    id: idOf(n),
    status: 'resolved',
    severity: n % 10 === 0 ? 'critical' : 'warning',
    title: `incident ${n}`,
    service: `service-${n % 100}`,
    services: [`service-${n % 100}`],
    alerts: ['a', 'b'],
    openedAtMs: n,
    updatedAtMs: n,
    storm: false,
    mode: 'active',
    quietForMs: 0,
    timeline: Array.from({ length: 10 }, (_, at) => ({ atMs: at, kind: 'watch', text: 'something happened' })),
    ...more,
  };
}

/** A store of many incidents, of which the last two are open, and how many rows were read from it. */
async function filled() {
  const disk = emptyRamDisk();
  const store = ramStore(disk);
  const open = [incident(many - 1, { status: 'open' }), incident(many - 2, { status: 'mitigated' })];
  const rows = Array.from({ length: many - 2 }, (_, n) => incident(n));
  const puts = [...rows, ...open].map((one) => ({ space: 'incident' as const, key: one.id, value: one as never }));
  await store.commit({ puts, expects: [], epoch: disk.epoch });
  const read = { rows: 0 };
  const counting: Store = {
    ...store,
    list: async (space, options) => {
      const found = await store.list(space, options);
      read.rows += found.length;
      return found;
    },
  };
  return { open, read, list: (query: Partial<IncidentQuery>) => listIncidents(counting, open, all(query)) };
}

const all = (query: Partial<IncidentQuery>): IncidentQuery => ({ limit: 50, status: 'all', ...query });

describe('the list of incidents', () => {
  it('is every incident once, the newest first, page by page', async () => {
    const { list } = await filled();
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await list({ limit: 999, ...(cursor === undefined ? {} : { cursor }) });
      seen.push(...page.incidents.map(({ id }) => id));
      cursor = page.next;
    } while (cursor !== undefined);
    expect(seen).toEqual(Array.from({ length: many }, (_, n) => idOf(many - 1 - n)));
  });

  it('reads no more of the store than a page needs', async () => {
    const { list, read } = await filled();
    const page = await list({ limit: 50 });
    expect(page.incidents).toHaveLength(50);
    expect(read.rows).toBe(50);
    await list({ status: 'open' });
    expect(read.rows).toBe(50);
  });

  it('bounds what a filter that few pass may read, and goes on from there', async () => {
    const { list, read } = await filled();
    const found: string[] = [];
    let cursor: string | undefined;
    let pages = 0;
    do {
      read.rows = 0;
      const page = await list({ service: 'service-7', severity: 'critical', ...(cursor ? { cursor } : {}) });
      expect(read.rows).toBeLessThanOrEqual(2_250);
      found.push(...page.incidents.map(({ id }) => id));
      cursor = page.next;
      pages += 1;
    } while (cursor !== undefined);
    expect([found, pages]).toEqual([[], 6]);
  });

  it('filters by status, severity and any service; carries no story', async () => {
    const { list } = await filled();
    expect((await list({ status: 'open' })).incidents.map(({ status }) => status)).toEqual(['open', 'mitigated']);
    const { incidents } = await list({ status: 'resolved', severity: 'critical', service: 'service-0', limit: 3 });
    expect(incidents.map(({ id }) => id)).toEqual([9_900, 9_800, 9_700].map(idOf));
    expect(incidents[0]).toMatchObject({ alertCount: 2 });
    expect(incidents[0]).not.toHaveProperty('timeline');
  });

  it('shows of an open one what is in memory, not its older row', async () => {
    const disk = emptyDisk();
    const store = diskStore(disk);
    await store.commit({
      puts: [{ space: 'incident', key: idOf(1), value: incident(1, { status: 'open', title: 'old' }) as never }],
      expects: [],
      epoch: disk.epoch,
    });
    const live = [incident(1, { status: 'open', title: 'new' })];
    expect((await listIncidents(store, live, all({}))).incidents.map(({ title }) => title)).toEqual(['new']);
  });
});
