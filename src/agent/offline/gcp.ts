import * as z from 'zod';

import type { WatchkeeperError } from '../../lib/errors.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { GcpCall, GcpConnection } from '../../domain/ports/gcp.ts';
import type { ReaderIo } from '../../domain/ports/io.ts';
import { actionKinds } from '../../actions/index.ts';
import { impersonationFix } from '../../io/clients/gcp/index.ts';
import { makeGcpHands, type Ambient } from '../../io/index.ts';
import { gcpOperatorRoles, type GcpRole } from '../access/index.ts';
import { sourceKinds } from '../../sources/index.ts';
import type { Config } from '../load/index.ts';
import type { Resources } from '../resources.ts';
import { gcpReading } from './policies.ts';
import { reported, type Compared, type RightsReport } from './rights.ts';

// Of much that nothing here could need: an account that may do any of these may do nearly anything.
const tooMuch = [
  ...['resourcemanager.projects.setIamPolicy', 'iam.serviceAccountKeys.create', 'run.services.delete'],
  ...['compute.instances.delete', 'cloudsql.instances.delete'],
];
const asking = ['resourcemanager projects.testIamPermissions', 'run services.testIamPermissions'];
// One call each: what is left out is said.
const mostPlaces = 30;
const held = z.object({ permissions: z.array(z.string()).default([]) });

type Ask = (call: Omit<GcpCall, 'project'>, signal: AbortSignal) => Promise<JsonObject>;

/**
 * Asks IAM, as the identity of each project that is read and as each account that acts, whether it may do what it needs to, and
 * whether it may do what nothing here needs. Changes nothing.
 */
export async function gcpRightsReports(
  config: Pick<Config, 'operators' | 'sources'>,
  { runbooks, services }: Pick<Resources, 'runbooks' | 'services'>,
  { ambient, reader }: { readonly ambient: Ambient; readonly reader: ReaderIo },
  signal: AbortSignal,
  withinMs: number,
): Promise<readonly RightsReport[]> {
  const limits = { clock: ambient.clock, signal, withinMs };
  const reading = config.sources.flatMap((source) => {
    const roles = gcpReading(config, source);
    if (roles.length === 0) return [];
    const parsed = sourceKinds[source.kind]?.parse(source.config);
    if (parsed?.ok !== true) return [];
    const connection = { ...(parsed.value as GcpConnection), source: source.id };
    const asks = reader.gcp.reader(connection);
    return connection.projects.map(({ id: project, serviceAccount }) =>
      reported(
        { what: 'source', id: `${source.id}/${project}`, kind: 'gcp' },
        limits,
        (stop) => compared((call, over) => asks.ask({ ...call, project }, over), roles, project, stop),
        notAsked(serviceAccount),
      ),
    );
  });
  const connections = config.operators.gcp;
  const hands = connections.length === 0 ? undefined : makeGcpHands(ambient, connections);
  const acting = connections.flatMap((connection) => {
    const roles = gcpOperatorRoles([connection], { runbooks, services, actions: actionKinds });
    return connection.projects.map(({ id: project, serviceAccount }) =>
      reported(
        { what: 'operator', id: `${connection.source}/${project}`, kind: 'gcp' },
        limits,
        async (stop) => {
          const session = hands?.session({ source: connection.source, project, allow: asking });
          return session === undefined ? nothing : compared(session.ask.bind(session), roles, project, stop);
        },
        notAsked(serviceAccount),
      ),
    );
  });
  return Promise.all([...reading, ...acting]);
}

const nothing: Compared = { missing: [], excess: [], unasked: [] };

async function compared(ask: Ask, roles: readonly GcpRole[], project: string, signal: AbortSignal): Promise<Compared> {
  const whole = `projects/${project}`;
  const wanted = new Map<string, Set<string>>();
  const conditional = new Set<string>();
  for (const { permissions, on } of roles.filter((role) => role.project === project))
    for (const place of on) {
      // IAM answers of the project itself, which a condition on one resource's name never holds for.
      const isConditional = place.is === 'project' && place.condition !== undefined;
      const into = isConditional ? conditional : wantedAt(wanted, place.is === 'project' ? whole : place.name);
      for (const permission of permissions) into.add(permission);
    }
  const places = [...wanted];
  const missing = new Set<string>();
  for (const [place, permissions] of places.slice(0, mostPlaces)) {
    const may = await allowed(ask, place, [...permissions], signal);
    for (const one of permissions) if (!may.has(one)) missing.add(one);
  }
  const excess = await allowed(ask, whole, tooMuch, signal);
  return {
    ...{ missing: [...missing].sort(), excess: tooMuch.filter((one) => excess.has(one)) },
    unasked: [
      ...(places.length > mostPlaces ? [`${places.length - mostPlaces} more services were not asked about`] : []),
      ...(conditional.size === 0
        ? []
        : [`${[...conditional].sort().join(', ')}, under a condition, were not asked about`]),
    ],
  };
}

function wantedAt(wanted: Map<string, Set<string>>, place: string): Set<string> {
  const known = wanted.get(place) ?? new Set<string>();
  wanted.set(place, known);
  return known;
}

async function allowed(
  ask: Ask,
  resource: string,
  permissions: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const isService = resource.includes('/services/');
  const about = isService
    ? ({ service: 'run', method: 'services.testIamPermissions' } as const)
    : ({ service: 'resourcemanager', method: 'projects.testIamPermissions' } as const);
  const answer = await ask({ ...about, params: { resource }, body: { permissions: [...permissions] } }, signal);
  return new Set(held.parse(answer).permissions);
}

// Asking takes no right, but an API that is enabled; not being let to be the account is another thing.
function notAsked(serviceAccount: string | undefined) {
  return ({ code, message, fix }: WatchkeeperError): string | undefined =>
    code !== 'forbidden' || (serviceAccount !== undefined && fix === impersonationFix(serviceAccount))
      ? undefined
      : `${message} (enable cloudresourcemanager.googleapis.com)`;
}
