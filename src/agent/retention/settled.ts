import type { Space, Stored } from '../../domain/ports/store.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import type { Incident } from '../../domain/alert.ts';
import type { ExecutionRecord } from '../executor/index.ts';
import type { Call } from '../ladder.ts';
import type { CaseFile, PendingApproval } from '../views.ts';
import { detectorOfRow } from '../detector-rows.ts';

/** What the watch still works with, and so may not lose whatever its age. */
export interface InUse {
  /** Executions that have not ended, and the plans and incidents they are for. */
  readonly executions: ReadonlySet<string>;
  readonly plans: ReadonlySet<string>;
  readonly incidents: ReadonlySet<string>;
  readonly detectors: ReadonlySet<string>;
}

/** A row of which nothing waits any more. */
export interface Settled {
  readonly sinceMs: number;
  /** Kept while this incident is open. */
  readonly incidentId?: string;
}

/**
 * Spaces whose rows come to an end. Acts are not among them: budgets, caps and earned autonomy count those, and they have
 * a bound of their own. What becomes of an incident's story is in the ledger.
 */
export const prunedSpaces = [
  'delivery',
  'approval',
  'execution',
  'diagnosis',
  'incident',
  'detector',
] as const satisfies Space[];

/** One of them. */
export type PrunedSpace = (typeof prunedSpaces)[number];

/** Since when a row is settled; `undefined` while anything may still need it. */
export function settledSince(space: PrunedSpace, row: Stored, inUse: InUse): Settled | undefined {
  const settled = rules[space](row, inUse);
  return settled?.incidentId !== undefined && inUse.incidents.has(settled.incidentId) ? undefined : settled;
}

// Rows of a space are only ever written by the part whose type is read here.
const rules: Readonly<Record<PrunedSpace, (row: Stored, inUse: InUse) => Settled | undefined>> = {
  delivery: ({ value }) => {
    const call = value as unknown as Call;
    const sinceMs = Math.max(call.notice.atMs, ...call.deliveries.map((delivery) => delivery.atMs));
    return call.done ? about(sinceMs, call.notice.incident?.id) : undefined;
  },
  approval: ({ value }, { plans }) => {
    const pending = value as unknown as PendingApproval;
    if (pending.status === 'waiting' || plans.has(pending.planId)) return undefined;
    const answered = pending.approvals.map((approval) => approval.atMs);
    return about(Math.max(pending.expiresAtMs, ...answered), pending.incidentId);
  },
  execution: ({ key, value }, { executions }) => {
    const { endedAtMs, journal, plan } = value as unknown as ExecutionRecord;
    const over = endedAtMs !== undefined && journal.told !== false && !executions.has(key);
    return over ? about(endedAtMs, plan.incidentId) : undefined;
  },
  diagnosis: ({ key, value }) => about((value as unknown as CaseFile).updatedAtMs, key),
  incident: ({ key, value }) => {
    const { status, resolvedAtMs, updatedAtMs } = value as unknown as Incident;
    return status === 'resolved' ? about(resolvedAtMs ?? updatedAtMs, key) : undefined;
  },
  detector: ({ key, value }, { detectors }) => {
    const sinceMs = removedAt(value);
    return sinceMs === undefined || detectors.has(detectorOfRow(key)) ? undefined : about(sinceMs);
  },
};

/** When a detector's row was first seen without its detector. Saving the detector again takes the mark away. */
export function removedAt(value: Json): number | undefined {
  return (value as { readonly removedAtMs?: number }).removedAtMs;
}

/** The row of a detector that is not in force, marked with when that was seen. */
export function markRemoved(value: Json, nowMs: number): Json {
  return { ...(value as JsonObject), removedAtMs: nowMs };
}

function about(sinceMs: number, incidentId?: string): Settled {
  return incidentId === undefined ? { sinceMs } : { sinceMs, incidentId };
}
