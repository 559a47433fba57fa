import { digest } from '../../../lib/canonical.ts';
import type { ConfigRecord } from '../records/others.ts';
import type { ChangeReader } from './reader.ts';

/** A settled object is edited at the earliest so long after it was made: what is written at once with it is its creation. */
const settledMs = 10_000;

/**
 * Another content of a ConfigMap or Secret that a workload reads. Only hashes are known, and which keys differ. At the
 * first look the server says when the content was last edited; what it was before, nobody knows.
 */
export const configuration: ChangeReader = (workload, memory, { cluster, view, nowMs, sinceMs }) =>
  workload.template.references.flatMap((reference) => {
    const [kind = '', name = ''] = reference.split('/');
    if (kind !== 'configmaps' && kind !== 'secrets') return [];
    const record = view.table(kind).get(workload.namespace, name);
    if (record === undefined) return [];
    const known = memory.get(reference);
    memory.set(reference, stateOf(record));
    if (known === stateOf(record)) return [];
    const { edit, createdMs } = record;
    const wasEdited = edit !== undefined && edit.atMs >= sinceMs && edit.atMs > createdMs + settledMs;
    if (known === undefined && !wasEdited) return [];
    const keys = known === undefined ? '' : changedKeys(known, record);
    return [
      {
        id: digest(['config', cluster, workload.uid, record.uid, record.hash, edit?.atMs ?? nowMs]),
        kind: 'config' as const,
        atMs: Math.min(edit?.atMs ?? nowMs, nowMs),
        what: `${kind === 'configmaps' ? 'configmap' : 'secret'}/${name}`,
        ...(known === undefined ? {} : { from: hashIn(known) }),
        to: record.hash,
        ...(edit === undefined ? {} : { actor: edit.by }),
        attributes: { namespace: workload.namespace, ...(keys === '' ? {} : { keys }) },
      },
    ];
  });

// What is remembered: the whole content's hash, and each key's.
function stateOf({ hash, keys }: ConfigRecord): string {
  return JSON.stringify([hash, keys]);
}

function hashIn(known: string): string {
  return (JSON.parse(known) as [string, unknown])[0];
}

function changedKeys(known: string, { keys }: ConfigRecord): string {
  const [, before] = JSON.parse(known) as [string, Readonly<Record<string, string>>];
  const names = [...new Set([...Object.keys(before), ...Object.keys(keys)])].sort();
  return names
    .filter((name) => before[name] !== keys[name])
    .slice(0, 20)
    .join(', ');
}
