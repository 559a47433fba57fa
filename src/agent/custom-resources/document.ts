import { stringify } from 'yaml';

import type { Json, JsonObject } from '../../lib/json.ts';
import { apiVersion, type DocumentKind } from '../../domain/document.ts';
import type { KubernetesObject, KubernetesResource } from '../../domain/ports/kubernetes.ts';
import type { FedDocument } from '../load/feed.ts';
import { onAsRead, pluralOf } from '../crds/index.ts';

const [group = '', version = ''] = apiVersion.split('/');

/** How the API server calls a kind. */
export function resourceOf(kind: DocumentKind): KubernetesResource {
  return { group, version, plural: pluralOf(kind), kind, namespaced: true };
}

/**
 * The document that an object is. In a namespace of the platform team (`trusted`) it means what it means in a file. Written
 * by anybody else it is about that namespace and no other: its services carry the label `namespace`, its detectors and
 * runbooks apply to those only and carry the namespace in their name, and its services run nowhere else.
 */
export function documentOf(kind: DocumentKind, object: KubernetesObject, trusted: boolean): FedDocument {
  const { metadata } = object;
  const namespace = metadata.namespace ?? '';
  const labels = textual(metadata.labels);
  const spec = read(kind, asObject(object['spec']));
  const written = trusted
    ? { name: metadata.name, labels, spec }
    : bounded(kind, namespace, metadata.name, labels, spec);
  const document = { apiVersion, kind, metadata: { name: written.name, labels: written.labels }, spec: written.spec };
  const refused = trusted || kind !== 'Service' ? undefined : elsewhere(spec, namespace);
  return {
    path: `kubernetes:${namespace}/${pluralOf(kind)}/${metadata.name}`,
    bytes: new TextEncoder().encode(stringify(document, { aliasDuplicateObjects: false })),
    ref: {
      kind,
      namespace,
      name: metadata.name,
      uid: metadata.uid ?? '',
      generation: metadata.generation ?? 0,
    },
    ...(refused === undefined ? {} : { refused }),
  };
}

interface Written {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: JsonObject;
}

function bounded(
  kind: DocumentKind,
  namespace: string,
  name: string,
  labels: Readonly<Record<string, string>>,
  spec: JsonObject,
): Written {
  if (kind === 'Service') return { name, labels: { ...labels, namespace }, spec };
  return {
    name: `${namespace}.${name}`,
    labels,
    spec: { ...spec, services: { ...asObject(spec['services']), namespace } },
  };
}

// Who writes a Service says on what its runbooks act: not on what other namespaces hold, and not on the daemon's own machine.
function elsewhere(spec: JsonObject, namespace: string): string | undefined {
  const places = Array.isArray(spec['runsOn']) ? (spec['runsOn'] as readonly Json[]) : [];
  const within = (place: Json): boolean => {
    const { kubernetes, ...others } = asObject(place);
    return Object.keys(others).length === 0 && asObject(kubernetes)['namespace'] === namespace;
  };
  if (places.every(within)) return undefined;
  return `a Service in namespace ${namespace} runs on workloads of that namespace only; the platform team can write others`;
}

function read(kind: DocumentKind, spec: JsonObject): JsonObject {
  if (kind !== 'Detector' || spec[onAsRead] === undefined || spec['on'] !== undefined) return spec;
  const { [onAsRead]: on, ...rest } = spec;
  return { ...rest, on };
}

function asObject(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function textual(labels: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(labels ?? {}).filter(([, value]) => typeof value === 'string'));
}
