import { setTimeout as pause } from 'node:timers/promises';

import type { Json, JsonObject } from '../../../../src/lib/json.ts';
import type { Cluster } from './cluster.ts';

/** Argo CD's and Flux's definitions as far as the API server cares: their fields are not checked. */
export const gitopsDefinitions: readonly JsonObject[] = [
  definition('argoproj.io', 'v1alpha1', 'Application'),
  definition('kustomize.toolkit.fluxcd.io', 'v1', 'Kustomization'),
  definition('helm.toolkit.fluxcd.io', 'v2', 'HelmRelease'),
];

function definition(group: string, version: string, kind: string): JsonObject {
  const plural = `${kind.toLowerCase()}s`;
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase() },
      versions: [{ name: version, served: true, storage: true, schema }],
    },
  };
}

/** A Git repository as Argo CD sees it: what each revision says the object is. The newest last. */
export type Revisions = readonly { readonly revision: string; readonly object: JsonObject }[];

/** Argo CD, played: an Application that applies one object, and its controller. */
export interface PlayedArgo {
  /** Git moves on, and automated sync, when it is on, applies it. */
  push(revision: string, object: JsonObject): Promise<void>;
  stop(): Promise<void>;
}

interface Application {
  readonly spec: { readonly syncPolicy?: { readonly automated?: Json } };
  readonly operation?: { readonly info?: Json; readonly sync: { readonly revision: string } };
  readonly status?: { readonly history?: readonly JsonObject[] };
}

const manager = { fieldManager: 'argocd-controller' };
const pollMs = 300;

/**
 * Plays Argo CD's application controller for one Application with automated sync and self-heal: it applies what the newest
 * revision says, puts back what differs, and carries out an `operation` that it is asked for, as the real one does.
 */
export async function playArgo(cluster: Cluster, name: string, first: Revisions[number]): Promise<PlayedArgo> {
  const git = new Map([[first.revision, first.object]]);
  let head = first.revision;
  const read = (): Promise<Application> =>
    cluster.read<Application>('-n', 'argocd', `applications.argoproj.io/${name}`);
  const write = (body: JsonObject): Promise<string> =>
    cluster.kubectl([
      ...['-n', 'argocd', 'patch', 'applications.argoproj.io', name, '--type=merge', '--patch', JSON.stringify(body)],
      '--field-manager=argocd-controller',
    ]);
  const sync = async (application: Application, revision: string, asked?: JsonObject): Promise<void> => {
    const at = new Date().toISOString();
    const history = application.status?.history ?? [];
    await cluster.apply(git.get(revision) ?? {}, manager);
    const initiatedBy = asked === undefined ? { automated: true } : { username: 'watchkeeper' };
    const deployment = { id: history.length, revision, deployedAt: at, deployStartedAt: at, initiatedBy, source };
    await write({
      operation: null,
      status: {
        sync: { status: revision === head ? 'Synced' : 'OutOfSync', revision },
        health: { status: 'Progressing' },
        history: [...history, deployment],
        operationState: {
          ...{
            operation: asked ?? { initiatedBy, sync: { revision } },
            phase: 'Succeeded',
            message: 'successfully synced',
          },
          ...{ startedAt: at, finishedAt: at, syncResult: { revision, source } },
        },
      },
    });
  };
  await cluster.namespace('argocd');
  await cluster.apply({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name, namespace: 'argocd' },
    spec: {
      ...{ project: 'default', source, destination: { server: 'https://kubernetes.default.svc', namespace: 'shop' } },
      syncPolicy: { automated: { selfHeal: true } },
    },
  });
  await sync(await read(), head);
  const playing = { on: true };
  const step = async (): Promise<void> => {
    const application = await read();
    const { operation, status } = application;
    if (operation !== undefined) return sync(application, operation.sync.revision, operation);
    if (application.spec.syncPolicy?.automated === undefined) return;
    if (status?.history?.at(-1)?.['revision'] !== head) return sync(application, head);
    // Self-heal: what somebody else wrote is put back.
    await cluster.apply(git.get(head) ?? {}, manager);
  };
  const played = (async () => {
    while (playing.on) {
      await step();
      await pause(pollMs);
    }
  })();
  return {
    push: async (revision, object) => {
      git.set(revision, object);
      head = revision;
      await pause(2 * pollMs);
    },
    stop: async () => {
      playing.on = false;
      await played;
    },
  };
}

const source = { repoURL: 'https://git.example.com/shop.git', path: 'ledger', targetRevision: 'main' };
