import { describe, expect, it } from 'vitest';

import { restoreWatch } from '../../src/agent/watch-state.ts';
import type { Json } from '../../src/lib/json.ts';
import { limits } from '../../src/lib/limits.ts';
import { diskStore, emptyDisk } from '../support/memory-store.ts';

describe('what a restart remembers of incidents', () => {
  it('is every open one, however many came and went since, and of those the newest', async () => {
    const disk = emptyDisk();
    const row = (n: number, status: string): void => {
      const key = `i${String(n).padStart(6, '0')}`;
      const value = { id: key, status } as unknown as Json;
      disk.rows.set(`incident\n${key}`, { space: 'incident', key, value, version: 1 });
    };
    const many = 3 * limits.incidentsRemembered;
    for (let n = 0; n < many; n++) row(n, n === 0 || n === 2_500 ? 'open' : 'resolved');
    const { incidents } = (await restoreWatch(diskStore(disk))).state;
    expect(incidents.filter(({ status }) => status === 'open').map(({ id }) => id)).toEqual(['i000000', 'i002500']);
    expect(incidents).toHaveLength(limits.incidentsRemembered + 2);
    expect(incidents.at(-1)?.id).toBe(`i00${many - 1}`);
  });
});
