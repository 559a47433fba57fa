import type { Change } from '../../../domain/change.ts';
import type { ClusterView } from '../cluster.ts';
import type { WorkloadRecord } from '../records/workload.ts';

/** A change before it is known which service it is of. Its id must be the same whoever sees it, and after a restart. */
export type FoundChange = Omit<Change, 'service' | 'source'>;

/** What was known of a workload when it was last looked at; one for each workload, empty at the first look. */
export type WorkloadMemory = Map<string, string>;

/** What a change is judged by. */
export interface ChangeContext {
  readonly cluster: string;
  readonly view: ClusterView;
  readonly nowMs: number;
  /** At the first look at a workload, what happened before this is history. */
  readonly sinceMs: number;
}

/**
 * Tells what changed of a workload since its memory was written, and writes it anew. It is asked whenever something of
 * the workload, or something that it refers to, was touched; what happened while nobody looked it finds from what the
 * cluster keeps. A new way to see changes (a release, a sync) is a file, and one line in `index.ts`; the kinds it needs are lines
 * in `kinds.ts`.
 */
export type ChangeReader = (
  workload: WorkloadRecord,
  memory: WorkloadMemory,
  context: ChangeContext,
) => readonly FoundChange[];

/** `deployment/checkout`: what was changed, within the service. */
export function whatOf(workload: WorkloadRecord): string {
  return `${workload.kind.toLowerCase()}/${workload.name}`;
}
