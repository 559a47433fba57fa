import { digest } from '../../../lib/canonical.ts';
import { commitUrl } from '../../../lib/git-address.ts';
import { managersOf } from '../../../io/clients/gitops/index.ts';
import { delivererOf, type Deliverer } from '../deliveries.ts';
import { short, type Delivery } from '../records/delivery.ts';
import type { Edit } from '../records/edits.ts';
import type { WorkloadRecord } from '../records/workload.ts';
import { isBack } from './rollouts.ts';
import type { ChangeContext, ChangeReader, FoundChange, WorkloadMemory } from './reader.ts';

/** The server writes down times in seconds. */
const secondsMs = 5_000;
/** What follows the end of a sync by so much is still of it. */
const afterwardsMs = 60_000;
/** A sync whose beginning is not told began at the earliest so long before it ended: Flux's own default timeout. */
const longestMs = 10 * 60_000;

/**
 * A sync of Argo CD or Flux, or a release of Helm, that wrote to the workload or to what it reads. One that left both
 * alone is no change of the service, whichever commit it went to: many services are delivered from one repository.
 */
export const deliveries: ChangeReader = (workload, memory, context) => {
  const deliverer = delivererOf(workload, context.view, context.nowMs);
  const newest = deliverer?.deliveries.at(-1);
  if (deliverer === undefined || newest === undefined) return chartOf(workload, memory, context);
  const known = knownOf(newest, memory, context.nowMs);
  const untilMs = newest.endedMs ?? newest.startedMs ?? known.seenMs;
  const fromMs =
    newest.startedMs === undefined
      ? Math.max(untilMs - longestMs, (known.beforeMs ?? 0) + 1)
      : newest.startedMs - secondsMs;
  const edit = known.told ? undefined : editWithin(workload, context, fromMs, untilMs + afterwardsMs);
  // What was written may be heard of after the sync that wrote it: then it is asked again.
  const isTold = edit !== undefined && edit.atMs >= context.sinceMs;
  memory.set(memoryKey, JSON.stringify({ ...known, told: known.told || isTold }));
  if (!isTold) return [];
  const last = deliverer.deliveries.at(-2)?.revision ?? known.previous;
  return [changeOf(workload, { deliverer, newest, last, edit, fromMs, untilMs }, context)];
};

const memoryKey = 'delivery';

/** What is remembered of the newest delivery. */
interface Known {
  readonly id: string;
  readonly revision: string;
  readonly seenMs: number;
  readonly endedMs?: number;
  readonly told: boolean;
  /** The one before it, and when that was last known to have ended: what was written until then is not this one's. */
  readonly previous?: string;
  readonly beforeMs?: number;
}

function knownOf({ id, revision, startedMs, endedMs }: Delivery, memory: WorkloadMemory, nowMs: number): Known {
  const text = memory.get(memoryKey);
  const known = text === undefined ? undefined : (JSON.parse(text) as Known);
  const ended = endedMs === undefined ? {} : { endedMs };
  if (known?.id === id) return { ...known, ...ended };
  const next = { id, revision, seenMs: nowMs, ...ended };
  if (known !== undefined)
    return { ...next, told: false, previous: known.revision, beforeMs: known.endedMs ?? known.seenMs };
  // Of one that was there before we were, and does not say when it was, nothing can be told.
  return { ...next, told: startedMs === undefined && endedMs === undefined };
}

function editWithin(
  { delivered, namespace, template }: WorkloadRecord,
  { view }: ChangeContext,
  fromMs: number,
  untilMs: number,
): Edit | undefined {
  if (delivered === undefined) return undefined;
  const managers = managersOf(delivered.owner);
  const read = template.references.map((reference) => {
    const [kind = '', name = ''] = reference.split('/');
    return kind === 'configmaps' || kind === 'secrets' ? view.table(kind).get(namespace, name)?.edit : undefined;
  });
  return [delivered.edit, ...read].find(
    (edit) => edit !== undefined && managers.includes(edit.by) && edit.atMs >= fromMs && edit.atMs <= untilMs,
  );
}

interface Delivered {
  readonly deliverer: Deliverer;
  readonly newest: Delivery;
  readonly last: string | undefined;
  readonly edit: Edit;
  readonly fromMs: number;
  readonly untilMs: number;
}

function changeOf(
  workload: WorkloadRecord,
  { deliverer, newest, last, edit, fromMs, untilMs }: Delivered,
  { cluster, view, nowMs }: ChangeContext,
): FoundChange {
  const { what, id, repo } = deliverer;
  const earlier = deliverer.deliveries.slice(0, -2).some(({ revision }) => revision === newest.revision);
  // A revert in Git is a new commit: that it brings an earlier state back shows in the workload.
  const { templateEdit } = workload;
  const rolled = templateEdit?.by === edit.by && templateEdit.atMs >= fromMs;
  const isReturn = (earlier && last !== newest.revision) || (rolled && isBack(workload, view));
  const ref = repo === undefined ? undefined : commitUrl(repo, newest.revision);
  return {
    // Not of the workload: one sync that wrote to several parts of a service is one change of it.
    id: digest(['delivery', cluster, what, id, newest.id]),
    kind: isReturn ? 'rollback' : 'deploy',
    atMs: Math.min(edit.atMs, nowMs),
    what,
    ...(last === undefined ? {} : { from: short(last) }),
    to: short(newest.revision),
    actor: newest.by ?? edit.by,
    ...(ref === undefined ? {} : { ref }),
    carried: { by: edit.by, fromMs, untilMs: untilMs + afterwardsMs },
    attributes: {
      namespace: workload.namespace,
      app: id,
      revision: newest.revision,
      ...(last === undefined ? {} : { previousRevision: last }),
    },
  };
}

const chartLabel = 'helm.sh/chart';

// Where Helm's own records are not read, a chart's name and version stand on what it made.
function chartOf(
  workload: WorkloadRecord,
  memory: WorkloadMemory,
  { cluster, nowMs }: ChangeContext,
): readonly FoundChange[] {
  const owner = workload.delivered?.owner;
  const chart = workload.labels[chartLabel];
  if (owner?.by !== 'helm' || chart === undefined) return [];
  const known = memory.get('chart');
  memory.set('chart', chart);
  if (known === undefined || known === chart) return [];
  const edit = workload.delivered?.edit;
  const atMs = Math.min(edit?.atMs ?? nowMs, nowMs);
  const by = edit?.by ?? 'helm';
  return [
    {
      ...{ id: digest(['chart', cluster, workload.uid, workload.generation, chart]), kind: 'deploy', atMs },
      ...{ what: `release/${owner.name}`, from: known, to: chart, actor: by },
      carried: { by, fromMs: atMs - afterwardsMs, untilMs: atMs + afterwardsMs },
      attributes: { namespace: workload.namespace, app: `${owner.namespace}/${owner.name}`, chart },
    },
  ];
}
