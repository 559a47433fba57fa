import * as z from 'zod';

import type { GcpCall, GcpReader } from '../../domain/ports/gcp.ts';
import type { GcpPlace, GcpResource } from '../../domain/places.ts';
import type { Service } from '../../domain/service.ts';
import type { Gap } from '../../domain/telemetry.ts';
import { isNotEnabled } from '../../io/clients/gcp/faults.ts';
import { faultOfError, type ReadFault } from '../../io/clients/http-reader.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import type { JsonObject } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import { joinedByName } from '../../io/clients/cloud/places.ts';
import { oneLine } from '../../lib/text.ts';
import { pagesOf } from './pages.ts';
import type { GcpConfig } from './schema.ts';
import { runLogFilter, signalsOf } from './signals.ts';

const words = z.record(z.string(), z.string()).nullish();
const runPage = z.object({ services: z.array(z.object({ name: z.string(), labels: words })).default([]) });
const groupPage = z.object({
  items: z
    .record(
      z.string(),
      z.object({
        instanceGroupManagers: z
          .array(
            z.object({
              name: z.string(),
              autoHealingPolicies: z.array(z.object({ healthCheck: z.string().nullish() })).nullish(),
              allInstancesConfig: z.object({ properties: z.object({ labels: words }).nullish() }).nullish(),
            }),
          )
          .default([]),
      }),
    )
    .default({}),
});

const instancePage = z.object({
  items: z
    .record(
      z.string(),
      z.object({
        instances: z
          .array(
            z.object({
              name: z.string(),
              labels: words,
              metadata: z.object({ items: z.array(z.object({ key: z.string() })).nullish() }).nullish(),
            }),
          )
          .default([]),
      }),
    )
    .default({}),
});
const sqlPage = z.object({
  items: z
    .array(
      z.object({
        name: z.string(),
        region: z.string().default(''),
        settings: z.object({ userLabels: words }).nullish(),
      }),
    )
    .default([]),
  warnings: z.array(z.object({ message: z.string().default('') })).default([]),
});

interface Labelled {
  readonly project: string;
  readonly location: string;
  readonly resource: GcpResource;
  readonly labels: Readonly<Record<string, string>>;
  /** A signal that this one does not have. */
  readonly without?: string;
}

/** Finds services, and remembers what each project had. */
export interface Discovery {
  /** Services by their label, in every project. Throws where no project could be read whole. */
  find(signal: AbortSignal): Promise<readonly Service[]>;
  /** Which projects could not be read whole when they were last asked. */
  gaps(nowMs: number): readonly Gap[];
}

/**
 * Makes it. Half a project would end services: what is not read whole keeps what it had, and hides nothing of the others.
 */
export function createDiscovery(source: string, config: GcpConfig, reader: GcpReader): Discovery {
  const last = new Map<string, readonly Labelled[]>();
  const faults = new Map<string, ReadFault>();
  return {
    find: async (signal) => {
      const looks = await Promise.allSettled(config.projects.map(({ id }) => labelledIn(id, config, reader, signal)));
      config.projects.forEach(({ id }, index) => {
        const look = looks[index];
        if (look?.status === 'fulfilled') {
          last.set(id, look.value);
          faults.delete(id);
        } else faults.set(id, faultOfError(look?.reason));
      });
      const failed = looks.find((one) => one.status === 'rejected');
      if (failed !== undefined && faults.size === config.projects.length) throw failed.reason;
      return servicesOf(source, config, [...last.values()].flat());
    },
    gaps: (nowMs) =>
      [...faults].map(([project, { reason, message }]) => ({
        ...{ source, signal: 'services', reason, fromMs: nowMs, untilMs: nowMs },
        message: `the services of ${project} are those that were last known: ${message}`,
      })),
  };
}

function servicesOf(source: string, config: GcpConfig, found: readonly Labelled[]): readonly Service[] {
  const services: Service[] = [];
  for (const one of found) {
    const name = one.labels[config.label];
    if (name === undefined || !isName(name)) continue;
    const service = serviceOf(source, name, one, config);
    services.push(service);
  }
  return joinedByName(services);
}

async function labelledIn(
  project: string,
  { label, locations }: GcpConfig,
  reader: GcpReader,
  signal: AbortSignal,
): Promise<readonly Labelled[]> {
  const found = await Promise.all([
    ...locations.map((location) => runServices(project, location, reader, signal)),
    groups(project, reader, signal),
    instances(project, label, reader, signal),
    databases(project, reader, signal),
  ]);
  return found.flat();
}

/** Every page of a list. Where its API is not enabled in the project there is nothing of it, and that is no fault. */
async function wholeList(reader: GcpReader, call: GcpCall, signal: AbortSignal): Promise<readonly JsonObject[]> {
  try {
    const { pages, more } = await pagesOf(reader, call, signal, limits.gcpPages * 5);
    if (!more) return pages;
  } catch (thrown) {
    if (isNotEnabled(thrown)) return [];
    throw thrown;
  }
  const where = `${call.service} ${call.method} in ${call.project ?? ''}`;
  throw new WatchkeeperError('too-large', `${where} has more pages than are read: the list is not whole`);
}

async function runServices(
  project: string,
  location: string,
  reader: GcpReader,
  signal: AbortSignal,
): Promise<readonly Labelled[]> {
  const params = { parent: `projects/${project}/locations/${location}`, pageSize: 100 };
  const call = { service: 'run', method: 'services.list', params, project } as const;
  const pages = await wholeList(reader, call, signal);
  return pages.flatMap((page) =>
    runPage.parse(page).services.map(({ name, labels }): Labelled => {
      const resource: GcpResource = { is: 'run', service: lastPart(name) };
      return { project, location, resource, labels: labels ?? {} };
    }),
  );
}

// A group has no labels of its own: those that it gives to all its instances are taken for them.
async function groups(project: string, reader: GcpReader, signal: AbortSignal): Promise<readonly Labelled[]> {
  const params = { project, maxResults: 500 };
  const call = { service: 'compute', method: 'instanceGroupManagers.aggregatedList', params, project } as const;
  const pages = await wholeList(reader, call, signal);
  return pages.flatMap((page) =>
    Object.entries(groupPage.parse(page).items).flatMap(([scope, { instanceGroupManagers }]) =>
      instanceGroupManagers.map(({ name, allInstancesConfig, autoHealingPolicies: checks }): Labelled => ({
        ...{ project, location: lastPart(scope), resource: { is: 'instance-group', name } },
        labels: allInstancesConfig?.properties?.labels ?? {},
        ...(checks?.some(({ healthCheck }) => healthCheck) === true ? {} : { without: 'unhealthy_instances' }),
      })),
    ),
  );
}

// Instances of a group are the group's: it gives its labels to each of them.
async function instances(
  project: string,
  label: string,
  reader: GcpReader,
  signal: AbortSignal,
): Promise<readonly Labelled[]> {
  const params = { project, maxResults: 500, filter: `labels.${label}:*` };
  const call = { service: 'compute', method: 'instances.aggregatedList', params, project } as const;
  const pages = await wholeList(reader, call, signal);
  return pages.flatMap((page) =>
    Object.entries(instancePage.parse(page).items).flatMap(([scope, { instances: all }]) =>
      all
        .filter(({ metadata }) => metadata?.items?.some(({ key }) => key === 'created-by') !== true)
        .map(({ name, labels }): Labelled => {
          return { project, location: lastPart(scope), resource: { is: 'instance', name }, labels: labels ?? {} };
        }),
    ),
  );
}

async function databases(project: string, reader: GcpReader, signal: AbortSignal): Promise<readonly Labelled[]> {
  const call = { service: 'sql', method: 'instances.list', params: { project, maxResults: 500 }, project } as const;
  const read = (await wholeList(reader, call, signal)).map((page) => sqlPage.parse(page));
  const [warning] = read.flatMap(({ warnings }) => warnings);
  if (warning !== undefined)
    throw new WatchkeeperError('unreachable', `Cloud SQL's list is not whole: ${oneLine(warning.message, 200)}`);
  return read.flatMap(({ items }) =>
    items.map(({ name, region: location, settings }): Labelled => {
      return { project, location, resource: { is: 'sql', instance: name }, labels: settings?.userLabels ?? {} };
    }),
  );
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

// A label's value is anybody's text: as a service's name only what a document could be called.
function isName(value: string): boolean {
  return /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(value);
}

function serviceOf(source: string, name: string, found: Labelled, config: GcpConfig): Service {
  const { project, location, resource, labels } = found;
  const prefix = config.label.replace(/[a-z0-9]+$/, '');
  const own = (key: string): string | undefined => (prefix === '' ? undefined : labels[`${prefix}${key}`]);
  const several = config.projects.length > 1;
  const gcp: GcpPlace = { source, ...(several ? { project } : {}), location, resource };
  const kept = Object.entries(labels)
    .filter(([key]) => prefix === '' || !key.startsWith(prefix))
    .slice(0, 50)
    .map(([key, value]) => [oneLine(key, 63), oneLine(value, 253)]);
  const filter = resource.is === 'run' ? runLogFilter(resource.service, location) : undefined;
  return {
    name,
    labels: {
      ...(Object.fromEntries(kept) as Record<string, string>),
      region: location,
      ...(several ? { project } : {}),
    },
    owner: { team: own('team') ?? labels['team'] ?? 'unowned', escalate: own('escalate') ?? 'default' },
    // A value may hold no comma: two underscores stand between names.
    dependsOn: (own('depends-on') ?? '').split('__').filter((one) => isName(one) && one !== name),
    runsOn: [{ on: 'gcp', gcp }],
    telemetry: Object.fromEntries(
      Object.entries(signalsOf(source, project, gcp)).filter(([signal]) => signal !== found.without),
    ),
    ...(filter === undefined ? {} : { logs: [{ source, query: { filter, project, live: false } }] }),
    slos: [],
    origin: 'discovered',
  };
}
