/**
 * # Custom resources: what people write, as the API server knows it
 *
 * Printed from the same schemas as the editors' (`editor-schemas.ts`), and written to the Helm chart by `npm run generate`:
 * one CustomResourceDefinition for each kind, and one ValidatingAdmissionPolicy for each that refuses unknown keys. What the
 * API server cannot check (expressions, durations, names of other documents) the loader checks, and answers in the status.
 */
import type { Json, JsonObject } from '../../lib/json.ts';
import { apiVersion, type DocumentKind } from '../../domain/document.ts';
import { documentKinds } from '../load/index.ts';
import { knownKeyValidations } from './known-keys.ts';
import { rules, type Rule } from './rules.ts';
import { asObject, structural } from './structural.ts';

const [group = '', version = ''] = apiVersion.split('/');

interface Names {
  readonly plural: string;
  readonly short: string;
  readonly about: string;
  readonly columns: readonly (readonly [name: string, path: string])[];
}

const names: Readonly<Record<DocumentKind, Names>> = {
  Service: {
    plural: 'services',
    short: 'wksvc',
    about: 'What is watched, who owns it, and what it depends on.',
    columns: [
      ['Team', '.spec.owner.team'],
      ['Depends-On', '.spec.dependsOn'],
    ],
  },
  Detector: {
    plural: 'detectors',
    short: 'wkdet',
    about: 'When something is wrong.',
    columns: [
      ['Kind', '.spec.kind'],
      ['Signal', ".spec['on','true']"],
      ['Severity', '.spec.severity'],
      ['Mode', '.spec.mode'],
    ],
  },
  Runbook: {
    plural: 'runbooks',
    short: 'wkrb',
    about: 'What to do about it.',
    columns: [
      ['Does', '.spec.steps[*].do'],
      ['Summary', '.spec.summary'],
    ],
  },
  Policy: {
    plural: 'policies',
    short: 'wkpol',
    about: 'What may be done, to what, how much, when, and with whose consent.',
    columns: [['Scope', '.spec.scope']],
  },
  Escalation: { plural: 'escalations', short: 'wkesc', about: 'How people are called.', columns: [] },
};

/** `services`, `policies`: what the API calls a kind. */
export function pluralOf(kind: DocumentKind): string {
  return names[kind].plural;
}

/**
 * The manifests by file name: `services.yaml` and so on hold the definitions, `known-keys.yaml` the admission policies.
 * `schemas` prints the schema of a whole document of a kind.
 */
export function crdManifests(
  schemas: (kind: DocumentKind) => JsonObject,
): Readonly<Record<string, readonly JsonObject[]>> {
  const specOf = (kind: DocumentKind): JsonObject =>
    withReadAs(asObject(asObject(schemas(kind)['properties'])?.['spec']) ?? {});
  return {
    ...Object.fromEntries(documentKinds.map((kind) => [names[kind].plural, [definition(kind, specOf(kind))]])),
    'known-keys': documentKinds.flatMap((kind) => admission(kind, specOf(kind))),
  };
}

/**
 * The key that `on` becomes on its way to the API server: kubectl and its relatives read YAML 1.1, where a bare `on` is the
 * truth value. Files are YAML 1.2, so the same document holds `on` there; here both are taken, and mean the same.
 */
export const onAsRead = 'true';

function withReadAs(spec: JsonObject): JsonObject {
  const properties = asObject(spec['properties']) ?? {};
  const on = asObject(properties['on']);
  if (on === undefined) return spec;
  const description = 'The same as on, as YAML 1.1 reads that key.';
  return { ...spec, properties: { ...properties, [onAsRead]: { ...on, description } } };
}

// A chart that is uninstalled leaves the definitions, and so everything that was written: Helm keeps what is marked so.
const keep = { annotations: { 'helm.sh/resource-policy': 'keep' } };

function definition(kind: DocumentKind, spec: JsonObject): JsonObject {
  const { plural, short, about, columns } = names[kind];
  const singular = kind.toLowerCase();
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, ...keep },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames: [short], categories: ['watchkeeper'] },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: [
            ...columns.map(([name, jsonPath]) => ({ name, type: 'string', jsonPath })),
            { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
            { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
            { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
          ],
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description: about,
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: { type: 'object' },
                spec: ruled(structural(spec), rules[kind]),
                status,
              },
            },
          },
        },
      ],
    },
  };
}

/** What the daemon answers. */
const status: JsonObject = {
  type: 'object',
  description: 'What the daemon made of it.',
  properties: {
    observedGeneration: { type: 'integer', format: 'int64' },
    conditions: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
      items: {
        type: 'object',
        required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'],
        properties: {
          type: { type: 'string', maxLength: 316 },
          status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
          reason: { type: 'string', minLength: 1, maxLength: 1024 },
          message: { type: 'string', maxLength: 32768 },
          lastTransitionTime: { type: 'string', format: 'date-time' },
          observedGeneration: { type: 'integer', format: 'int64', minimum: 0 },
        },
      },
    },
  },
};

function ruled(spec: JsonObject, list: readonly Rule[]): JsonObject {
  return list.reduce((schema, { at, rule, message }) => withRule(schema, at, { rule, message }), spec);
}

function withRule(schema: JsonObject, at: readonly string[], rule: JsonObject): JsonObject {
  const [step, ...rest] = at;
  if (step === undefined) {
    const before = (schema['x-kubernetes-validations'] ?? []) as readonly Json[];
    return { ...schema, 'x-kubernetes-validations': [...before, rule] };
  }
  const within = (holder: string, key: string): JsonObject => {
    const object = asObject(schema[holder]) ?? {};
    return { ...schema, [holder]: { ...object, [key]: withRule(asObject(object[key]) ?? {}, rest, rule) } };
  };
  if (step === '*') return { ...schema, items: withRule(asObject(schema['items']) ?? {}, rest, rule) };
  return within('properties', step);
}

function admission(kind: DocumentKind, spec: JsonObject): readonly JsonObject[] {
  const { plural } = names[kind];
  const name = `known-keys.${plural}.${group}`;
  const metadata = { name };
  return [
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicy',
      metadata,
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          resourceRules: [
            { apiGroups: [group], apiVersions: [version], operations: ['CREATE', 'UPDATE'], resources: [plural] },
          ],
        },
        validations: knownKeyValidations(spec),
      },
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata,
      spec: { policyName: name, validationActions: ['Deny'] },
    },
  ];
}
