import { dig, flagAt, isObject, listAt, numberAt, objectAt, textAt, timeAt } from '../../../lib/dig.ts';
import type { JsonObject } from '../../../lib/json.ts';
import type { KubernetesObject } from '../../../domain/ports/kubernetes.ts';

/** One sync that succeeded, as Argo CD remembers it. */
export interface ArgoDeployment {
  readonly id: number;
  readonly revision: string;
  readonly startedAtMs?: number;
  readonly deployedAtMs?: number;
  readonly by?: string;
  readonly automated: boolean;
  /** As recorded: `revision`, `revisions`, `source`, `sources`. What a rollback syncs to. */
  readonly recorded: JsonObject;
}

/** The newest operation that Argo CD has taken up. */
export interface ArgoOperationState {
  /** Running, Terminating, Succeeded, Failed, Error. */
  readonly phase: string;
  readonly message: string;
  readonly revision?: string;
  readonly startedAtMs?: number;
  readonly finishedAtMs?: number;
  readonly by?: string;
  readonly automated: boolean;
  readonly retries: number;
}

/** An Application, as far as it is read here. */
export interface ArgoApplication {
  readonly namespace: string;
  readonly name: string;
  /** Syncs by itself when Git changes. */
  readonly automated: boolean;
  /** Syncs by itself when the cluster differs from Git. */
  readonly selfHeal: boolean;
  readonly prune: boolean;
  readonly source: { readonly repo?: string; readonly path?: string; readonly target?: string };
  readonly sync: { readonly status: string; readonly revision?: string };
  readonly health: string;
  /** What is degraded, by `Kind/name`; empty as well where Argo CD does not write down the health of each object. */
  readonly degraded: readonly string[];
  /** Why it cannot be compared or synced at all: its error conditions, in Argo CD's words. */
  readonly errors: readonly string[];
  /** The newest last. */
  readonly history: readonly ArgoDeployment[];
  /** Asked of the controller, or under way. */
  readonly operation?: JsonObject;
  readonly state?: ArgoOperationState;
  /** Notes of the newest operation, asked or taken up: `name=value`. */
  readonly infos: readonly string[];
  /** How many objects it applies. */
  readonly objects: number;
}

/** Reads an Application. Whatever it lacks is absent; an empty one is an Application that never synced. */
export function parseApplication(object: KubernetesObject): ArgoApplication {
  const { metadata } = object;
  const automated = objectAt(object, 'spec', 'syncPolicy', 'automated');
  const source = objectAt(object, 'spec', 'source') ?? listAt(object, 'spec', 'sources').find(isObject);
  const operation = objectAt(object, 'operation');
  const state = objectAt(object, 'status', 'operationState');
  const skipped = textAt(metadata.annotations, 'argocd.argoproj.io/skip-reconcile') === 'true';
  const isOn = automated !== undefined && automated['enabled'] !== false && !skipped;
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    automated: isOn,
    selfHeal: isOn && flagAt(automated, 'selfHeal'),
    prune: isOn && flagAt(automated, 'prune'),
    source: given({
      repo: textAt(source, 'repoURL'),
      path: textAt(source, 'path') ?? textAt(source, 'chart'),
      target: textAt(source, 'targetRevision'),
    }),
    sync: {
      status: textAt(object, 'status', 'sync', 'status') ?? 'Unknown',
      ...given({ revision: revisionOf(objectAt(object, 'status', 'sync')) }),
    },
    health: textAt(object, 'status', 'health', 'status') ?? 'Unknown',
    degraded: listAt(object, 'status', 'resources')
      .filter((one) => textAt(one, 'health', 'status') === 'Degraded')
      .map((one) => `${textAt(one, 'kind') ?? ''}/${textAt(one, 'name') ?? ''}`),
    errors: listAt(object, 'status', 'conditions')
      .filter((one) => textAt(one, 'type')?.endsWith('Error') === true)
      .map((one) => textAt(one, 'message') ?? textAt(one, 'type') ?? ''),
    history: listAt(object, 'status', 'history').flatMap((entry) => deploymentOf(entry as JsonObject)),
    ...(operation === undefined ? {} : { operation }),
    ...(state === undefined ? {} : { state: operationState(state) }),
    infos: [...infosOf(operation), ...infosOf(objectAt(state, 'operation'))],
    objects: listAt(object, 'status', 'resources').length,
  };
}

// With several sources there are several revisions; the first stands for all.
function revisionOf(value: JsonObject | undefined): string | undefined {
  const [first] = listAt(value, 'revisions');
  return textAt(value, 'revision') ?? (typeof first === 'string' && first !== '' ? first : undefined);
}

function deploymentOf(entry: JsonObject): readonly ArgoDeployment[] {
  const id = numberAt(entry, 'id');
  const revision = revisionOf(entry);
  if (id === undefined || revision === undefined) return [];
  const names = ['revision', 'revisions', 'source', 'sources'] as const;
  return [
    {
      id,
      revision,
      automated: flagAt(entry, 'initiatedBy', 'automated'),
      recorded: given(Object.fromEntries(names.map((name) => [name, dig(entry, name)]))),
      ...given({
        startedAtMs: timeAt(entry, 'deployStartedAt'),
        deployedAtMs: timeAt(entry, 'deployedAt'),
        by: textAt(entry, 'initiatedBy', 'username'),
      }),
    },
  ];
}

function operationState(state: JsonObject): ArgoOperationState {
  const revision = revisionOf(objectAt(state, 'syncResult')) ?? revisionOf(objectAt(state, 'operation', 'sync'));
  return {
    phase: textAt(state, 'phase') ?? 'Unknown',
    message: textAt(state, 'message') ?? '',
    automated: flagAt(state, 'operation', 'initiatedBy', 'automated'),
    retries: numberAt(state, 'retryCount') ?? 0,
    ...given({
      revision,
      startedAtMs: timeAt(state, 'startedAt'),
      finishedAtMs: timeAt(state, 'finishedAt'),
      by: textAt(state, 'operation', 'initiatedBy', 'username'),
    }),
  };
}

function infosOf(operation: JsonObject | undefined): readonly string[] {
  return listAt(operation, 'info').map((info) => `${textAt(info, 'name') ?? ''}=${textAt(info, 'value') ?? ''}`);
}

function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
