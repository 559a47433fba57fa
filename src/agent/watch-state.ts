import type { Alert, Incident } from '../domain/alert.ts';
import type { Change, ChangeVerdict } from '../domain/change.ts';
import type { Store } from '../domain/ports/store.ts';
import type { Json } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import { compareText } from '../lib/order.ts';
import { rowsOf } from './rows.ts';

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
  /** By row; a detector's rows are taken out once it goes on from them, since they are as large as its state. */
  readonly detectors: Map<string, Json>;
}

const pageSize = 1_000;

/** Reads the working state back: every open incident, however old; of the resolved ones the newest, the rest stays in the store. */
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
  const incidents = await restoreIncidents(store);
  const changes = (await rows('change', 20_000)).map((row) => row.value as unknown as Change);
  const detectors = new Map((await rows('detector', limits.detectorRows)).map((row) => [row.key, row.value]));
  return { state: { alerts, incidents, verdicts: new Map() }, changes, detectors };
}

// An open one may be older than any number of others that came and went: every row is looked at, a page at a time, and
// retention bounds how many there are. Ids sort by time.
async function restoreIncidents(store: Store): Promise<readonly Incident[]> {
  const open: Incident[] = [];
  const resolved: Incident[] = [];
  for await (const { value } of rowsOf(store, 'incident')) {
    const incident = value as unknown as Incident;
    if (incident.status !== 'resolved') open.push(incident);
    else if (resolved.push(incident) > limits.incidentsRemembered * 2) resolved.splice(0, limits.incidentsRemembered);
  }
  return [...resolved.slice(-limits.incidentsRemembered), ...open].sort((a, b) => compareText(a.id, b.id));
}
