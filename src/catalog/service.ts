import * as z from 'zod';

import type { ResourceDocument } from '../domain/document.ts';
import type { Place } from '../domain/places.ts';
import type { Schema } from '../domain/ports/schema.ts';
import type { RecordBinding, Service, TelemetryBinding } from '../domain/service.ts';
import type { Issue, Parsed } from '../lib/issues.ts';
import type { JsonObject } from '../lib/json.ts';
import { schemaOf } from '../lib/schema.ts';
import { nearest } from '../lib/suggest.ts';
import { awsPlace, placeInAws } from './aws-place.ts';
import { azurePlace, placeInAzure } from './azure-place.ts';
import { gcpPlace, placeInGcp } from './gcp-place.ts';
import { kubernetesPlace, placeInCluster } from './kubernetes-place.ts';
import { inferNature } from './nature.ts';
import { absolutePath, durationMs, objective, plainName } from './parts.ts';

const natures = ['gauge', 'rate', 'ratio', 'latency', 'state'] as const;

const unitName = z
  .string()
  .max(255)
  .regex(/^[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]*$/, 'must be a systemd unit name, such as checkout.service');

const host = z
  .strictObject({
    unit: unitName.exactOptional(),
    process: z.strictObject({ pidFile: absolutePath }).exactOptional(),
    releases: z.strictObject({ root: absolutePath, current: absolutePath }).exactOptional(),
    health: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).exactOptional(),
    logs: z.array(absolutePath).max(100).exactOptional(),
    config: z.array(absolutePath).max(100).exactOptional(),
  })
  .describe('A service on the machine the daemon runs on');

const inventoryName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,252}$/, 'must be a name of the inventory');

// Names of pools and sites as IIS allows them, but for what could be mistaken for a path or a control character.
const iisName = z.string().regex(/^[^\p{Cc}\\/"|<>:*?[\]=,;+@]{1,64}$/u, 'must be a name of IIS');

const ssh = host
  .omit({ health: true })
  .extend({
    source: plainName,
    host: inventoryName.exactOptional(),
    group: inventoryName.exactOptional(),
    os: z
      .enum(['linux', 'windows'])
      .exactOptional()
      .describe('What its hosts run; needed for Windows hosts that an Ansible inventory lists'),
    unit: z
      .string()
      .max(256)
      .regex(/^[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\$ -]*$/, 'must be a systemd unit, or the name of a Windows service')
      .exactOptional(),
    iis: z.strictObject({ pool: iisName.exactOptional(), site: iisName.exactOptional() }).exactOptional(),
    packages: z
      .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9+._-]{0,127}$/, 'must be the name of a package'))
      .max(50)
      .exactOptional()
      .describe('Packages of the service that may be put back to an earlier version'),
    renewal: z
      .union([
        z.strictObject({ certificate: absolutePath, unit: unitName }),
        z.strictObject({ certificate: absolutePath, certbot: inventoryName }),
      ])
      .exactOptional()
      .describe('How its certificate is renewed: by starting a unit, or by certbot under its name for it'),
  })
  .refine(
    (written) => (written.host === undefined) !== (written.group === undefined),
    'needs host or group, and not both',
  )
  .describe('A service on hosts that are reached over SSH');

const platforms = ['host', 'ssh', 'kubernetes', 'aws', 'azure', 'gcp'];

const place = z
  .object({
    host: host.exactOptional(),
    ssh: ssh.exactOptional(),
    kubernetes: kubernetesPlace.exactOptional(),
    aws: awsPlace.exactOptional(),
    azure: azurePlace.exactOptional(),
    gcp: gcpPlace.exactOptional(),
  })
  .catchall(z.record(z.string(), z.json()))
  .transform((written, context): Place => {
    const [key, ...more] = Object.keys(written);
    if (key === undefined || more.length > 0)
      context.addIssue({
        code: 'custom',
        message: 'must name exactly one platform, such as host, ssh, kubernetes, aws, azure or gcp',
      });
    else if (written.host !== undefined) return { on: 'host', host: written.host };
    else if (written.ssh !== undefined) return { on: 'ssh', ssh: written.ssh };
    else if (written.kubernetes !== undefined) return placeInCluster(written.kubernetes);
    else if (written.aws !== undefined) return placeInAws(written.aws);
    else if (written.azure !== undefined) return placeInAzure(written.azure);
    else if (written.gcp !== undefined) return placeInGcp(written.gcp);
    else if (nearest(key, platforms) !== undefined) {
      const meant = nearest(key, platforms) ?? '';
      context.addIssue({ code: 'custom', message: `unknown platform ${key}: did you mean ${meant}?`, path: [key] });
    } else return { on: 'other', platform: key, spec: written[key] ?? {} };
    return z.NEVER;
  });

const binding = z
  .object({ source: plainName, unit: z.string().max(32).exactOptional(), nature: z.enum(natures).exactOptional() })
  .catchall(z.json())
  .describe('Where the signal is read; further keys belong to the source and are checked by its own schema');

const records = z.array(z.object({ source: plainName }).catchall(z.json())).max(20);

const spec = z.strictObject({
  owner: z
    .strictObject({ team: z.string().max(253).exactOptional(), escalate: plainName.exactOptional() })
    .exactOptional(),
  dependsOn: z.array(plainName).max(500).exactOptional(),
  runsOn: z.array(place).max(100).exactOptional(),
  telemetry: z.record(plainName, binding).exactOptional(),
  logs: records
    .describe('Log stores that hold its lines; further keys belong to the source and are checked by its own schema')
    .exactOptional(),
  traces: records
    .describe('Trace stores that hold its spans; further keys belong to the source and are checked by its own schema')
    .exactOptional(),
  slos: z
    .array(z.strictObject({ name: plainName, objective, window: durationMs, errors: plainName }))
    .max(50)
    .exactOptional(),
});

type ServiceSpec = z.infer<typeof spec>;

/** The `spec` of a Service document, for editors and for parsing. */
export const serviceSchema: Schema<ServiceSpec> = schemaOf(spec);

/** The escalation a service falls to when neither it nor anything else names one. */
export const defaultEscalation = 'default';

/**
 * Parses a Service document. Owner, telemetry and all else may be left out: the team then comes from the `team` label,
 * and people are called through the escalation named `default`. Issue paths start at the document's root.
 */
export function parseService(doc: ResourceDocument): Parsed<Service> {
  const parsed = serviceSchema.parse(doc.spec);
  if (!parsed.ok)
    return { ok: false, issues: parsed.issues.map((issue) => ({ ...issue, path: ['spec', ...issue.path] })) };
  const issues = crossIssues(doc.metadata.name, parsed.value);
  if (issues.length > 0) return { ok: false, issues };
  const { owner, dependsOn = [], runsOn = [], telemetry = {}, logs, traces, slos = [] } = parsed.value;
  const bindings = Object.entries(telemetry).map(([signal, written]) => [signal, toBinding(signal, written)] as const);
  return {
    ok: true,
    value: {
      name: doc.metadata.name,
      labels: doc.metadata.labels,
      owner: {
        team: owner?.team ?? doc.metadata.labels['team'] ?? 'unowned',
        escalate: owner?.escalate ?? defaultEscalation,
      },
      dependsOn,
      runsOn,
      telemetry: Object.fromEntries(bindings),
      ...(logs !== undefined && { logs: logs.map(toRecords) }),
      ...(traces !== undefined && { traces: traces.map(toRecords) }),
      slos: slos.map((slo) => ({
        name: slo.name,
        objective: slo.objective,
        windowMs: slo.window,
        errors: slo.errors,
      })),
      origin: 'declared',
    },
  };
}

function toBinding(signal: string, written: z.infer<typeof binding>): TelemetryBinding {
  const { source, unit = '1', nature, ...query } = written;
  return { source, unit, nature: nature ?? inferNature(signal, unit), query: query satisfies JsonObject };
}

function toRecords({ source, ...query }: z.infer<typeof records>[number]): RecordBinding {
  return { source, query: query satisfies JsonObject };
}

function crossIssues(name: string, written: ServiceSpec): readonly Issue[] {
  const issues: Issue[] = [];
  const signals = Object.keys(written.telemetry ?? {});
  for (const [index, slo] of (written.slos ?? []).entries()) {
    if (signals.includes(slo.errors)) continue;
    const suggestion = nearest(slo.errors, signals);
    const message = `objective ${slo.name} reads the signal ${slo.errors}, which telemetry does not have`;
    issues.push({ path: ['spec', 'slos', index, 'errors'], message, ...(suggestion && { suggestion }) });
  }
  const objectives = (written.slos ?? []).map((slo) => slo.name);
  for (const [index, slo] of objectives.entries())
    if (objectives.indexOf(slo) < index)
      issues.push({ path: ['spec', 'slos', index, 'name'], message: `there are two objectives named ${slo}` });
  for (const [index, dependency] of (written.dependsOn ?? []).entries()) {
    const path = ['spec', 'dependsOn', index];
    if (dependency === name) issues.push({ path, message: `${name} cannot depend on itself` });
    else if ((written.dependsOn ?? []).indexOf(dependency) < index)
      issues.push({ path, message: `${dependency} is named twice` });
  }
  return issues;
}
