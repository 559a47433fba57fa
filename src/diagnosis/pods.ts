import type { Change } from '../domain/change.ts';
import type { ResourceState } from '../domain/telemetry.ts';
import type { Json, JsonObject } from '../lib/json.ts';
import { oneLine } from '../lib/text.ts';
import type { Note } from './draft.ts';
import type { Scene } from './scene.ts';

/** A state older than this says nothing of now. */
const freshMs = 5 * 60_000;

/**
 * Pods of the revision that a change brought, against those of the revisions before it, at the same moment: traffic,
 * dependencies and the hour are the same for both, so it is the strongest evidence that a cluster can give.
 */
export function revisionNotes(change: Change, scene: Scene): readonly Note[] {
  const { hash } = change.attributes;
  if (hash === undefined) return [];
  const revisions = workloadStates(scene, change.service).flatMap(({ attributes }) => listOf(attributes['revisions']));
  const isOurs = (one: JsonObject): boolean => one['hash'] === hash;
  const brought = count(revisions.filter(isOurs));
  const rest = count(revisions.filter((one) => !isOurs(one)));
  if (brought.pods === 0) return [];
  const ours = `${brought.troubled} of ${brought.pods} pods that it brought are in trouble (${brought.reasons.join(', ')})`;
  const note = (text: string, weight: number): Note => ({
    ...{ modality: 'contrast', kind: 'state', text, weight, refutedBy: 'pods of earlier revisions failing as well' },
  });
  if (brought.troubled === 0)
    return rest.troubled > 0 ? [note('the pods that it brought are well, and earlier ones are not', -2.5)] : [];
  if (rest.pods === 0) return [note(`${ours}; none of an earlier revision is left to compare with`, 1.2)];
  if (rest.troubled === 0) return [note(`${ours}, and none of ${rest.pods} earlier ones`, 2.8)];
  const alike = rest.troubled / rest.pods >= 0.5 * (brought.troubled / brought.pods);
  return [note(`${ours}, and ${rest.troubled} of ${rest.pods} earlier ones as well`, alike ? -2 : 1)];
}

/** Containers that the kernel killed lately for reaching their memory limit. */
export function memoryNotes(scene: Scene, service: string): readonly Note[] {
  const killed = workloadStates(scene, service).flatMap(({ attributes }) => {
    const { oomKilled } = attributes;
    return Array.isArray(oomKilled) ? (oomKilled as readonly Json[]).filter((one) => typeof one === 'string') : [];
  });
  const last = killed.at(-1);
  if (last === undefined) return [];
  return [{ modality: 'logs', kind: 'state', text: oneLine(last, 200), weight: 2 }];
}

/** Whether pods of the service run on this node; `undefined` where that is not known. */
export function runsOnNode(scene: Scene, service: string, node: string): boolean | undefined {
  const states = workloadStates(scene, service);
  if (states.length === 0) return undefined;
  return states.some(({ attributes: { nodes } }) => Array.isArray(nodes) && (nodes as readonly Json[]).includes(node));
}

/** Pods in trouble that run on one node, against those that run elsewhere. */
export function nodeNotes(scene: Scene, service: string, node: string): readonly Note[] {
  const ill = statesOf(scene, service).filter(
    ({ kind, attributes }) => kind === 'Pod' && attributes['node'] !== undefined,
  );
  const here = ill.filter(({ attributes }) => attributes['node'] === node).length;
  if (ill.length === 0) return [];
  const text = `${here} of ${ill.length} pods in trouble run on it`;
  const weight = here === ill.length ? 1.2 : here > ill.length / 2 ? 0.5 : -1;
  return [{ modality: 'contrast', kind: 'state', text, weight }];
}

function statesOf(scene: Scene, service: string): readonly ResourceState[] {
  return scene.input.snapshot.resources.filter(
    (state) => state.service === service && state.atMs > scene.asOfMs - freshMs && state.atMs <= scene.asOfMs,
  );
}

function workloadStates(scene: Scene, service: string): readonly ResourceState[] {
  return statesOf(scene, service).filter(({ attributes }) => Array.isArray(attributes['revisions']));
}

function listOf(value: Json | undefined): readonly JsonObject[] {
  return (Array.isArray(value) ? (value as readonly Json[]) : []).filter(
    (one): one is JsonObject => typeof one === 'object' && one !== null && !Array.isArray(one),
  );
}

interface Count {
  readonly pods: number;
  readonly troubled: number;
  readonly reasons: readonly string[];
}

function count(revisions: readonly JsonObject[]): Count {
  const sum = (key: string): number =>
    revisions.reduce((total, one) => total + (typeof one[key] === 'number' ? one[key] : 0), 0);
  const reasons = new Set(
    revisions.flatMap(({ reasons: said }) => (Array.isArray(said) ? (said as readonly Json[]) : [])).map(String),
  );
  return { pods: sum('pods'), troubled: sum('troubled'), reasons: [...reasons].sort() };
}
