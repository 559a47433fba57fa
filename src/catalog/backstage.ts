import * as z from 'zod';

import type { Service } from '../domain/service.ts';
import type { Json } from '../lib/json.ts';
import type { Parsed } from '../lib/issues.ts';
import { schemaOf } from '../lib/schema.ts';
import { defaultEscalation } from './service.ts';

// Tolerant where ours is strict: this is what another product writes, and it has many more keys than concern us.
const entity = schemaOf(
  z.object({
    apiVersion: z.string().startsWith('backstage.io/'),
    kind: z.string(),
    metadata: z.object({
      name: z.string().min(1).max(253),
      labels: z.record(z.string(), z.string()).exactOptional(),
      annotations: z.record(z.string(), z.string()).exactOptional(),
    }),
    spec: z
      .object({
        type: z.string().exactOptional(),
        lifecycle: z.string().exactOptional(),
        owner: z.string().exactOptional(),
        system: z.string().exactOptional(),
        dependsOn: z.array(z.string()).exactOptional(),
      })
      .exactOptional(),
  }),
);

/**
 * Reads one entity of a Backstage `catalog-info.yaml`. A Component becomes a discovered service; any other kind gives
 * `undefined`. Annotations: `watchkeeper.dev/escalate` names the escalation.
 */
export function parseBackstage(input: Json): Parsed<Service | undefined> {
  const parsed = entity.parse(input);
  if (!parsed.ok) return parsed;
  const { kind, metadata, spec = {} } = parsed.value;
  if (kind !== 'Component') return { ok: true, value: undefined };
  const { type, lifecycle, system, owner, dependsOn = [] } = spec;
  return {
    ok: true,
    value: {
      name: metadata.name,
      labels: { ...(type && { type }), ...(lifecycle && { lifecycle }), ...(system && { system }), ...metadata.labels },
      owner: {
        team: owner === undefined ? 'unowned' : entityName(owner),
        escalate: metadata.annotations?.['watchkeeper.dev/escalate'] ?? defaultEscalation,
      },
      dependsOn: [...new Set(dependsOn.map(entityName))].sort(),
      runsOn: [],
      telemetry: {},
      slos: [],
      origin: 'discovered',
    },
  };
}

// `group:default/payments`, `component:cart`, `cart`: the name is what follows the last separator.
function entityName(ref: string): string {
  return ref.slice(Math.max(ref.lastIndexOf(':'), ref.lastIndexOf('/')) + 1);
}
