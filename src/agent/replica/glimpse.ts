import type { Alert, Incident } from '../../domain/alert.ts';
import type { Store } from '../../domain/ports/store.ts';
import type { Execution } from '../../domain/remediation.ts';
import { readIdentity, type LedgerIdentity } from '../../ledger/index.ts';
import { pauseKey, type Pause } from '../health.ts';
import { rowsOf } from '../rows.ts';
import type { CaseFile, IncidentView, PendingApproval } from '../views.ts';

/** What a follower last saw in the store: it may lag behind the leader by one look. */
export interface Glimpse {
  readonly atMs: number;
  readonly epoch: number;
  readonly alerts: readonly Alert[];
  readonly incidents: readonly Incident[];
  readonly approvals: readonly PendingApproval[];
  readonly running: readonly Execution[];
  readonly paused?: Pause;
  readonly ledger: { readonly size: number; readonly note: string };
  /** Whose log it is; absent before anybody has led. */
  readonly identity?: LedgerIdentity;
}

// Newest first: what is open is among them, and a look every other second must stay small.
const newest = { limit: 100, reverse: true } as const;

/** Reads what a status line needs. */
export async function glimpse(store: Store, nowMs: number): Promise<Glimpse> {
  const [epoch, checkpoint, identity, paused] = await Promise.all([
    store.epoch(),
    store.ledgerCheckpoint(),
    readIdentity(store).catch(() => undefined),
    store.get('meta', pauseKey),
  ]);
  const incidents = await store.list('incident', newest);
  const alerts: Alert[] = [];
  for await (const { value } of rowsOf(store, 'alert')) alerts.push(value as unknown as Alert);
  const approvals = await store.list('approval', newest);
  const executions = await store.list('execution', newest);
  return {
    atMs: nowMs,
    epoch,
    alerts,
    incidents: incidents.map(({ value }) => value as unknown as Incident),
    approvals: approvals.map(({ value }) => value as unknown as PendingApproval),
    running: executions
      .map(({ value }) => value as unknown as Execution)
      .filter((execution) => execution.endedAtMs === undefined),
    ...(paused === undefined ? {} : { paused: paused.value as unknown as Pause }),
    ledger: {
      size: checkpoint?.size ?? 0,
      note: checkpoint?.note ?? '',
    },
    ...(identity && { identity }),
  };
}

/** One incident with what the store has of it; what only the leader has in memory is absent. */
export async function glimpseIncident(store: Store, id: string): Promise<IncidentView | undefined> {
  const [row, second] = await store.list('incident', { limit: 2, prefix: id });
  if (row === undefined || (second !== undefined && row.key !== id)) return undefined;
  const incident = row.value as unknown as Incident;
  const stored = await store.get('diagnosis', incident.id);
  const file = stored?.value as unknown as CaseFile | undefined;
  const executions = await Promise.all((file?.executions ?? []).map((one) => store.get('execution', one)));
  const approvals = await Promise.all((file?.plans ?? []).map((plan) => store.get('approval', plan.id)));
  const alerts = await Promise.all(incident.alerts.map((one) => store.get('alert', one)));
  return {
    incident,
    alerts: values(alerts) as readonly Alert[],
    ...(file && { file }),
    approvals: values(approvals) as readonly PendingApproval[],
    executions: values(executions) as readonly Execution[],
    changes: [],
    series: [],
  };
}

function values(rows: readonly ({ readonly value: unknown } | undefined)[]): readonly unknown[] {
  return rows.flatMap((one) => (one === undefined ? [] : [one.value]));
}
