import type { JsonObject } from '../lib/json.ts';
import { serviceSchema } from '../catalog/index.ts';
import { channelKinds, escalationSpec } from '../chat/index.ts';
import { detectorSchema } from '../detectors/index.ts';
import { policySchema } from '../policy/index.ts';
import { runbookSchema } from '../runbooks/index.ts';
import { sourceKinds } from '../sources/index.ts';
import { crdManifests } from './crds/index.ts';
import { schemaFor, schemaForAny, schemaForConfig, type SpecSchemas } from './load/index.ts';

const specs: SpecSchemas = {
  Service: serviceSchema,
  Detector: { jsonSchema: detectorSchema },
  Runbook: runbookSchema,
  Policy: policySchema,
  Escalation: escalationSpec,
};

/**
 * The JSON Schemas of everything people write, by the name of the file editors find them under: `service`, `detector`,
 * `runbook`, `policy`, `escalation`, `resource` (any of these), `watchkeeper` (watchkeeper.yaml). Printed from the very
 * parsers that read the documents.
 */
export function editorSchemas(): Readonly<Record<string, JsonObject>> {
  return {
    service: schemaFor('Service', specs),
    detector: schemaFor('Detector', specs),
    runbook: schemaFor('Runbook', specs),
    policy: schemaFor('Policy', specs),
    escalation: schemaFor('Escalation', specs),
    resource: schemaForAny(specs),
    watchkeeper: schemaForConfig({
      sources: adaptersOf(sourceKinds),
      channels: adaptersOf(channelKinds(() => undefined)),
    }),
  };
}

function adaptersOf(
  kinds: Readonly<Record<string, { configSchema(): JsonObject }>>,
): Readonly<Record<string, { jsonSchema(): JsonObject }>> {
  return Object.fromEntries(
    Object.entries(kinds).map(([kind, each]) => [kind, { jsonSchema: () => each.configSchema() }]),
  );
}

/** The manifests of the custom resources, by file name, printed from the same schemas. */
export function customResourceManifests(): Readonly<Record<string, readonly JsonObject[]>> {
  return crdManifests((kind) => schemaFor(kind, specs));
}
