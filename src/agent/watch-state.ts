import type { Alert, Incident } from '../domain/alert.ts';
import type { Change, ChangeVerdict } from '../domain/change.ts';
import type { Store } from '../domain/ports/store.ts';
import type { Json } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';

/** What the watch knows at one moment; a turn makes the next from it. */
export interface WatchState {
  readonly alerts: readonly Alert[];
  readonly incidents: readonly Incident[];
  /** Verdicts on recent changes, by `verdictKey`. */
  readonly verdicts: ReadonlyMap<string, ChangeVerdict>;
}

/** Names what a verdict is about: the newest one of a detector on a change's signal counts. */
export function verdictKey(verdict: Pick<ChangeVerdict, 'changeId' | 'detector' | 'signal'>): string {
  return `${verdict.changeId} ${verdict.detector} ${verdict.signal}`;
}

/** What the last process left in the store, so that a restart neither forgets nor alerts anew. */
export interface Restored {
  readonly state: WatchState;
  readonly changes: readonly Change[];
  readonly detectors: ReadonlyMap<string, Json>;
}

const pageSize = 1_000;

/** Reads the working state back. Incidents long resolved stay in the store and out of memory. */
export async function restoreWatch(store: Store): Promise<Restored> {
  const rows = async (
    space: 'alert' | 'change' | 'detector',
    most: number,
  ): Promise<readonly { readonly key: string; readonly value: Json }[]> => {
    const found: { readonly key: string; readonly value: Json }[] = [];
    let after: string | undefined;
    while (found.length < most) {
      const page = await store.list(space, { limit: pageSize, ...(after === undefined ? {} : { after }) });
      found.push(...page);
      after = page.at(-1)?.key;
      if (page.length < pageSize || after === undefined) break;
    }
    return found;
  };
  const alerts = (await rows('alert', limits.alertsActive * 2)).map((row) => row.value as unknown as Alert);
  // Ids sort by time, so the newest incidents are at the end.
  const incidents = (await store.list('incident', { limit: limits.incidentsOpen * 2, reverse: true })).map(
    (row) => row.value as unknown as Incident,
  );
  const changes = (await rows('change', 20_000)).map((row) => row.value as unknown as Change);
  const detectors = new Map((await rows('detector', limits.resourceDocuments)).map((row) => [row.key, row.value]));
  return { state: { alerts, incidents: incidents.reverse(), verdicts: new Map() }, changes, detectors };
}
