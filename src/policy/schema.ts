import * as z from 'zod';

import type { Selector } from '../lib/selector.ts';
import { writtenAmount, writtenDuration, writtenRatio } from '../lib/written.ts';

const globs = z.array(z.string().min(1).max(253)).min(1).max(200);
const oneOrMore = z.union([z.string().max(253), z.array(z.string().max(253)).min(1).max(200)]);
const expression = z.string().min(1);
const whole = z.int().min(0).max(1_000_000);

/** `{tier: [critical], name: [checkout]}`; `{labels: {regulated: 'true'}}` says the same in Kubernetes' words. */
const services = z
  .record(z.string().max(253), z.union([oneOrMore, z.record(z.string().max(253), oneOrMore)]))
  .transform((written, context): Selector => {
    const selector: Record<string, string | readonly string[]> = {};
    for (const [key, value] of Object.entries(written)) {
      if (typeof value === 'string' || Array.isArray(value)) selector[key] = value;
      else if (key === 'labels') Object.assign(selector, value);
      else context.addIssue({ code: 'custom', path: [key], message: 'must be a value or a list of values' });
    }
    return selector;
  })
  .describe('Label selector; `name` is the name of the service; values may be globs');

const resources = z.strictObject({
  kind: oneOrMore.exactOptional().describe('Kinds of targets: unit, release, Deployment, Node, PersistentVolumeClaim'),
  id: oneOrMore.exactOptional().describe('Ids of targets; in a cluster: cluster/namespace/name'),
});

const approval = z.strictObject({
  from: z
    .array(z.string().min(1).max(253))
    .min(1)
    .max(50)
    .describe('Groups (group:NAME) or people (cli:NAME) who may consent'),
  need: z.int().min(1).max(20).default(1),
  notSelf: z.boolean().default(true),
  expires: writtenDuration.default(15 * 60_000),
  then: z.array(z.string().min(1).max(253)).max(50).default([]).describe('Asked too when it expires'),
  finally: z.enum(['observe', 'suggest']).default('suggest').describe('When nobody answers. Silence is never consent'),
});

const bounds = z.strictObject({
  units: writtenAmount.exactOptional().describe('At most so many units of the service at once, all in flight counted'),
  pods: writtenAmount.exactOptional().describe('The same as units'),
  keepHealthy: writtenAmount
    .exactOptional()
    .describe('So many units must stay healthy while it is done, unless it takes none of the healthy ones away'),
  replicasMax: whole
    .exactOptional()
    .describe('Never more replicas than this, asked for or as the upper bound of an autoscaler'),
  parallel: z.int().min(1).max(1_000).exactOptional(),
  perHour: whole.exactOptional(),
  perDay: whole.exactOptional(),
});

const allow = z.strictObject({
  actions: globs,
  services: services.exactOptional(),
  resources: resources.exactOptional(),
  autonomy: z.enum(['observe', 'suggest', 'approve', 'act']),
  earn: z.strictObject({ runs: z.int().min(1).max(1_000), success: writtenRatio }).exactOptional(),
  bounds: bounds.exactOptional(),
  when: expression.exactOptional(),
  approval: approval.exactOptional(),
});

const never = z.strictObject({
  actions: globs.exactOptional(),
  services: services.exactOptional(),
  resources: resources.exactOptional(),
  when: expression.exactOptional(),
  unless: expression.exactOptional(),
});

const freeze = z.strictObject({
  name: z.string().max(253).exactOptional(),
  from: z.string().exactOptional().describe("RFC 3339, quoted: '2026-11-26T00:00:00Z'"),
  until: z.string().exactOptional(),
  cron: z.string().max(200).exactOptional().describe('When it begins: minute hour day month weekday'),
  for: writtenDuration.exactOptional(),
  timezone: z.string().max(64).exactOptional().describe('IANA name; default UTC'),
  actions: globs.exactOptional(),
  services: services.exactOptional(),
  unless: expression.exactOptional(),
});

const storm = z.strictObject({
  if: z.strictObject({
    unhealthyServices: writtenRatio,
    atLeast: z.int().min(1).max(10_000).default(3).describe('Fewer ill services are no storm'),
  }),
  do: z.enum(['observe', 'suggest', 'approve']).default('observe'),
  cooldown: writtenDuration.default(10 * 60_000),
});

/** The `spec` of a Policy document. */
export const policySpec = z.strictObject({
  scope: services.exactOptional(),
  actions: globs.exactOptional().describe('The actions this policy speaks about; default all'),
  allow: z.array(allow).max(1_000).exactOptional(),
  never: z.array(never).max(1_000).exactOptional(),
  freeze: z.array(freeze).max(200).exactOptional(),
  storm: storm.exactOptional(),
  protect: z.array(z.string().min(3).max(253)).max(1_000).exactOptional().describe('kind:id, with globs'),
});

/** The `spec` of a Policy as written. */
export type PolicySpec = z.infer<typeof policySpec>;
/** An `allow` rule as written. */
export type WrittenAllow = z.infer<typeof allow>;
/** A `never` rule as written. */
export type WrittenNever = z.infer<typeof never>;
/** A `freeze` window as written. */
export type WrittenFreeze = z.infer<typeof freeze>;
