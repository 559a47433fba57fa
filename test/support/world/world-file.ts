import { parse } from 'yaml';
import * as z from 'zod';

import { parseDuration } from '../../../src/lib/duration.ts';

const span = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  context.addIssue({ code: 'custom', message: `not a duration: ${text}` });
  return z.NEVER;
});
const tunes = z.record(z.string(), z.string());
const log = z.strictObject({
  service: z.string(),
  body: z.string(),
  severity: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('error'),
  every: span.default(10_000),
  count: z.int().default(1),
  attributes: z.record(z.string(), z.string()).default({}),
});
const traced = z.strictObject({
  every: span.default(5_000),
  count: z.int(),
  /** Made anew for each trace; `in` is the index of the parent. The first is the root. */
  spans: z.array(
    z.strictObject({
      service: z.string(),
      name: z.string(),
      ms: z.number(),
      in: z.int().exactOptional(),
      kind: z.enum(['server', 'client', 'producer', 'consumer', 'internal']).default('server'),
      /** `TYPE: MESSAGE` of the exception it failed with. */
      error: z.string().exactOptional(),
      attributes: z.record(z.string(), z.string()).default({}),
    }),
  ),
});
const answer = z.strictObject({ by: z.string(), about: z.enum(['latest', 'first', 'incident']).default('latest') });

/** One thing that happens; exactly one key beside `at`. */
const event = z.strictObject({
  at: span,
  /** The pipeline deploys: the link moves, the service starts anew, and the source sees it (`seen: false`: it does not). */
  deploy: z
    .strictObject({
      service: z.string(),
      to: z.string(),
      by: z.string().default('ci'),
      seen: z.boolean().default(true),
      irreversible: z.boolean().exactOptional(),
      ref: z.string().exactOptional(),
      /** Of a fleet: the hosts that it goes to. */
      hosts: z.array(z.string()).exactOptional(),
    })
    .exactOptional(),
  /** Something happens on the Windows host: its service or pool stops, is disabled, a release is served, a connection will be cut. */
  windows: z
    .strictObject({
      is: z.enum(['service-stopped', 'service-disabled', 'pool-stopped', 'deployed', 'pointed', 'cuts']),
      to: z.string().default(''),
      by: z.string().default('somebody'),
    })
    .exactOptional(),
  /** A pipeline rolls a new image out in the cluster, and the source sees it. */
  rollout: z.strictObject({ service: z.string(), image: z.string(), by: z.string().default('ci') }).exactOptional(),
  /** Somebody writes to an object in the cluster. */
  write: z
    .strictObject({
      by: z.string(),
      kind: z.string(),
      name: z.string(),
      namespace: z.string().default('shop'),
      change: z.record(z.string(), z.json()),
    })
    .exactOptional(),
  /** Something comes into being in the cluster, or is another one from now on; `NOW` in a text is the moment. */
  object: z.record(z.string(), z.json()).exactOptional(),
  /** The status of the pods of a service, of so many of them. */
  pods: z
    .strictObject({ of: z.string(), count: z.int().default(1_000), status: z.record(z.string(), z.json()) })
    .exactOptional(),
  /** The API server does not let the source read a kind (its plural), or does not answer, until it is `well`. */
  kind: z.strictObject({ plural: z.string(), is: z.enum(['forbidden', 'unreachable', 'well']) }).exactOptional(),
  /** From now on the pods of a service need so much memory, in Mi. */
  needs: z.strictObject({ service: z.string(), mi: z.int() }).exactOptional(),
  /** Any other change the source sees. */
  change: z
    .strictObject({
      service: z.string(),
      kind: z.string(),
      what: z.string(),
      from: z.string().exactOptional(),
      to: z.string().exactOptional(),
      by: z.string().default('ana'),
    })
    .exactOptional(),
  /** Overlays a service's signals by a named trouble, until it is started anew or calmed. */
  trouble: z
    .strictObject({ service: z.string(), is: z.string(), until: z.enum(['restart', 'calm']).default('calm') })
    .exactOptional(),
  calm: z.string().exactOptional(),
  logs: log.exactOptional(),
  /** So many traces of this shape, one after the other. */
  traces: traced.exactOptional(),
  /** The source answers with nothing but a gap, until `source: well`. */
  source: z.enum(['unreachable', 'timeout', 'partial', 'hangs', 'lags', 'well']).exactOptional(),
  removeRelease: z.strictObject({ service: z.string(), release: z.string() }).exactOptional(),
  approve: answer.exactOptional(),
  deny: answer.exactOptional(),
  pause: z.strictObject({ by: z.string(), reason: z.string() }).exactOptional(),
  resume: z.strictObject({ by: z.string(), reason: z.string() }).exactOptional(),
  /** Files written over the resources; a document text each, `null` removes. The daemon finds them by itself. */
  files: z.record(z.string(), z.string().nullable()).exactOptional(),
  jump: span.exactOptional(),
  jumpBack: span.exactOptional(),
  crash: z.literal(true).exactOptional(),
  /** The process dies at the next effect of this sort, right before or after it. */
  trap: z
    .strictObject({ on: z.enum(['linked', 'killed', 'unlinked', 'restarted']), moment: z.enum(['before', 'after']) })
    .exactOptional(),
  /** A new process starts, under a new epoch. */
  start: z.literal(true).exactOptional(),
  /** An orderly stop and a start. */
  restart: z.literal(true).exactOptional(),
  supervised: z.strictObject({ service: z.string(), is: z.boolean() }).exactOptional(),
  channel: z.strictObject({ address: z.string(), is: z.enum(['reachable', 'unreachable']) }).exactOptional(),
  alertmanager: z.json().exactOptional(),
  /** So many alerts of one service arrive at once, through Alertmanager's webhook. */
  alertStorm: z.strictObject({ alerts: z.int(), services: z.int() }).exactOptional(),
  announce: z.json().exactOptional(),
  /** systemd (or anybody) is at work on the service. */
  busy: z.strictObject({ service: z.string(), is: z.boolean() }).exactOptional(),
  plan: z.strictObject({ runbook: z.string(), service: z.string() }).exactOptional(),
});

const world = z.strictObject({
  /** What this scenario shows, for the reader. */
  story: z.string(),
  /** How often our hand may have changed the simulated machine at the end; 0: it must not have acted at all. */
  effects: z.int(),
  lasts: span,
  starts: z.string().default('2026-11-18T10:00:00Z'),
  every: span.default(15_000),
  seed: z.int().default(1),
  autonomy: z.enum(['observe', 'suggest', 'approve', 'act']).default('act'),
  /** Shared documents of test/scenarios/base, by file name without `.yaml`. */
  use: z.array(z.string()),
  /** Documents of this scenario alone, as one multi-document text. */
  resources: z.string().default(''),
  inherit: z.array(z.enum(['detectors', 'runbooks', 'policies'])).default(['detectors', 'runbooks']),
  host: z.record(z.string(), z.strictObject({ releases: z.array(z.string()), current: z.string() })).default({}),
  /** Services that run on a group of hosts over SSH, called as they are: `runsOn: [{ ssh: { source: fleet, group: NAME } }]`. */
  fleet: z
    .record(
      z.string(),
      z.strictObject({ hosts: z.array(z.string()), releases: z.array(z.string()), current: z.string() }),
    )
    .default({}),
  /** Services that run in a cluster: images they have run, the last one now, and what stands around them. */
  cluster: z
    .record(
      z.string(),
      z.strictObject({
        images: z.array(z.string()).min(1),
        /** Images whose pods do not become ready. */
        broken: z.array(z.string()).default([]),
        replicas: z.int().default(4),
        memory: z.string().default('512Mi'),
        needsMi: z.int().exactOptional(),
        hpa: z.strictObject({ min: z.int(), max: z.int() }).exactOptional(),
        pdb: z.int().exactOptional(),
        paused: z.boolean().default(false),
        /** Labels and annotations: who owns it. */
        metadata: z.record(z.string(), z.json()).default({}),
        /** More of the status of the pods of an image. */
        pods: z.record(z.string(), z.record(z.string(), z.json())).default({}),
        /** ConfigMaps that its pods read their environment from. */
        reads: z.array(z.string()).default([]),
      }),
    )
    .default({}),
  /** The service that runs on the Windows host `win-1`, with a site of releases 4.8.0 to 4.10.0. */
  windows: z.string().exactOptional(),
  /** The cluster is read by the real source: whatever is told of it, that has found out. */
  clusterIsRead: z.boolean().default(false),
  /** Whatever else is in the cluster, as its API has it. */
  objects: z.array(z.record(z.string(), z.json())).default([]),
  /** Files on the machine, by path, with their age. */
  hostFiles: z.record(z.string(), span).default({}),
  signals: z.record(z.string(), tunes),
  /** Per service and release: how signals differ while that release runs. */
  releases: z.record(z.string(), z.record(z.string(), tunes)).default({}),
  troubles: z.record(z.string(), tunes).default({}),
  /** Clouds that there are hands in, so that what is shipped for them is read; nothing answers there. */
  clouds: z.array(z.enum(['azure'])).default([]),
  many: z.strictObject({ services: z.int(), signals: tunes }).exactOptional(),
  events: z.array(event),
});

export type WorldFile = z.output<typeof world>;
export type WorldEvent = z.output<typeof event>;

/** Reads a scenario's `world.yaml`. */
export function parseWorld(text: string): WorldFile {
  return world.parse(parse(text));
}
