import { dig, listAt, numberAt, objectAt, textAt } from '../../../lib/dig.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { JsonObject } from '../../../lib/json.ts';
import { limits } from '../../../lib/limits.ts';
import type { KubernetesObject, KubernetesOperator } from '../../../domain/ports/kubernetes.ts';
import {
  decodeRelease,
  encodeRelease,
  helmSecretName,
  helmSecretType,
  secrets,
} from '../../../io/clients/gitops/index.ts';

/** One revision of a release, as its Secret says without being unpacked. */
export interface RecordHead {
  readonly revision: number;
  readonly status: string;
  readonly secret: KubernetesObject;
}

/** A release by name, where Helm keeps its records. */
export interface ReleaseRef {
  readonly namespace: string;
  readonly name: string;
}

/** The records of a release, oldest first. @throws WatchkeeperError `too-large` above `limits.helmRevisions`. */
export async function readRecords(
  cluster: KubernetesOperator,
  { namespace, name }: ReleaseRef,
  signal: AbortSignal,
): Promise<readonly RecordHead[]> {
  const selection = { namespace, labelSelector: `owner=helm,name=${name}`, limit: limits.helmRevisions };
  const page = await cluster.list(secrets, selection, signal);
  if (page.next !== undefined)
    throw new WatchkeeperError('too-large', `release ${name} has more than ${limits.helmRevisions} revisions`);
  return page.items
    .map((secret) => ({
      secret,
      revision: Number(secret.metadata.labels?.['version'] ?? Number.NaN),
      status: secret.metadata.labels?.['status'] ?? 'unknown',
    }))
    .filter(({ revision }) => Number.isSafeInteger(revision))
    .sort((a, b) => a.revision - b.revision);
}

/** The whole record of a revision. @throws WatchkeeperError `not-found`; what `decodeRelease` throws. */
export function recordOf(records: readonly RecordHead[], revision: number): JsonObject {
  const found = records.find((one) => one.revision === revision);
  if (found === undefined) throw new WatchkeeperError('not-found', `revision ${revision} is not kept any more`);
  return decodeRelease(found.secret);
}

/** Why going to this revision is not ours to do: it has hooks that a rollback runs. */
export function rollbackHooks(release: JsonObject): string | undefined {
  const hooks = listAt(release, 'hooks').filter((hook) =>
    listAt(hook, 'events').some((event) => event === 'pre-rollback' || event === 'post-rollback'),
  );
  if (hooks.length === 0) return undefined;
  const names = hooks.map((hook) => textAt(hook, 'name') ?? '?').join(', ');
  return `its chart has rollback hooks (${names}), which only Helm runs; roll it back with helm`;
}

/** How a record of ours is described: Helm's own words, and the mark to know it by. */
export function descriptionOf(to: number, mark: string): string {
  return `Rollback to ${to} (watchkeeper ${mark})`;
}

/** Whether a record is the one that carries a mark. */
export function isMarked(head: RecordHead, mark: string): boolean {
  return (textAt(decodeRelease(head.secret), 'info', 'description') ?? '').endsWith(`(watchkeeper ${mark})`);
}

/**
 * Writes the record of a rollback that begins, as Helm does: from now on no other Helm operation starts on the release.
 *
 * @throws WatchkeeperError `conflict` when somebody has made that revision meanwhile.
 */
export async function beginRecord(
  cluster: KubernetesOperator,
  ref: ReleaseRef,
  {
    target,
    last,
    to,
    mark,
    nowMs,
  }: {
    readonly target: JsonObject;
    readonly last: JsonObject;
    readonly to: number;
    readonly mark: string;
    readonly nowMs: number;
  },
  signal: AbortSignal,
): Promise<void> {
  const revision = (numberAt(last, 'version') ?? 0) + 1;
  const notes = dig(target, 'info', 'notes');
  const release: JsonObject = {
    ...target,
    version: revision,
    info: {
      first_deployed: dig(last, 'info', 'first_deployed') ?? new Date(nowMs).toISOString(),
      last_deployed: new Date(nowMs).toISOString(),
      deleted: '',
      description: descriptionOf(to, mark),
      status: 'pending-rollback',
      ...(notes === undefined ? {} : { notes }),
    },
  };
  const name = helmSecretName(ref.name, revision);
  const labels = { name: ref.name, owner: 'helm', status: 'pending-rollback', version: String(revision) };
  const body: JsonObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: ref.namespace, labels: { ...labels, createdAt: seconds(nowMs) } },
    type: helmSecretType,
    data: { release: encodeRelease(release) },
  };
  await cluster.create(secrets, { namespace: ref.namespace, name }, body, {}, signal);
}

/** Sets a record's status, on the label and inside. */
export async function setStatus(
  cluster: KubernetesOperator,
  { secret }: RecordHead,
  status: string,
  nowMs: number,
  signal: AbortSignal,
): Promise<void> {
  const release = decodeRelease(secret);
  const { uid, resourceVersion, namespace, name } = secret.metadata;
  const body = {
    metadata: { uid, resourceVersion, labels: { status, modifiedAt: seconds(nowMs) } },
    data: { release: encodeRelease({ ...release, info: { ...objectAt(release, 'info'), status } }) },
  } as unknown as JsonObject;
  await cluster.patch(secrets, { namespace: namespace ?? '', name }, { type: 'merge', body }, {}, signal);
}

function seconds(ms: number): string {
  return String(Math.floor(ms / 1_000));
}
