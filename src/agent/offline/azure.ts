import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { AzureReader, AzureReading } from '../../domain/ports/azure.ts';
import type { ReaderIo } from '../../domain/ports/io.ts';
import { actionKinds } from '../../actions/index.ts';
import type { ActingAzure } from '../../io/clients/azure/index.ts';
import { identityFor } from '../../io/clients/azure/scopes.ts';
import { makeAzureHands, type Ambient } from '../../io/index.ts';
import { azureOperatorRoles, type AzureRole } from '../access/index.ts';
import { sourceKinds } from '../../sources/index.ts';
import type { Config } from '../load/index.ts';
import type { Resources } from '../resources.ts';
import { azureRoles } from './azure-roles.ts';
import { reported, type Compared, type RightsReport } from './rights.ts';

// Of much that nothing here could need: an identity that may do any of these may do nearly anything.
const tooMuch = [
  ...['Microsoft.Authorization/roleAssignments/write', 'Microsoft.Resources/subscriptions/resourceGroups/delete'],
  ...['Microsoft.App/containerApps/delete', 'Microsoft.Web/sites/delete', 'Microsoft.Compute/virtualMachines/delete'],
  'Microsoft.Storage/storageAccounts/listKeys/action',
];
const tooMuchData = ['Microsoft.KeyVault/vaults/secrets/getSecret/action'];
// One call each: what is left out is said.
const mostPlaces = 30;
const names = z.array(z.string()).nullish();
const page = z.object({
  value: z.array(z.object({ actions: names, notActions: names, dataActions: names, notDataActions: names })),
  nextLink: z.string().nullish(),
});

type Rights = z.infer<typeof page>['value'];
/** What may be done at a scope, or below it. */
type RightsAt = (scope: string, signal: AbortSignal) => Promise<Rights>;

/**
 * Asks Resource Manager what the identity that reads may do in each subscription, and each that acts on each resource, and
 * compares it with what it needs, and with what nothing here needs. Changes nothing.
 */
export async function azureRightsReports(
  config: Pick<Config, 'operators' | 'sources'>,
  resources: Pick<Resources, 'runbooks' | 'services'>,
  { ambient, reader }: { readonly ambient: Ambient; readonly reader: ReaderIo },
  signal: AbortSignal,
  withinMs: number,
): Promise<readonly RightsReport[]> {
  const limits = { clock: ambient.clock, signal, withinMs };
  const { readers } = azureRoles({ ...config, operators: { ...config.operators, azure: [] } }, resources);
  const reading = config.sources.flatMap((source) => {
    const role = source.kind === 'azure' ? readers.find(({ identity }) => identity === source.id) : undefined;
    const parsed = sourceKinds[source.kind]?.parse(source.config);
    if (role === undefined || parsed?.ok !== true) return [];
    const connection = { ...(parsed.value as AzureReading), source: source.id };
    const asks = reader.azure.reader(connection);
    return connection.subscriptions.map(({ id, name }) => {
      const whole = `/subscriptions/${id}`;
      return reported(
        { what: 'source', id: `${source.id}/${name}`, kind: 'azure' },
        limits,
        (stop) => compared(readersRights(asks, name), [[whole, actionsOf(role)]], whole, stop),
        notAsked,
      );
    });
  });
  const acting = config.operators.azure.flatMap((connection) => {
    const roles = azureOperatorRoles([connection], { ...resources, actions: actionKinds });
    const rights = handsRights(connection, ambient);
    return connection.identities.map(({ scope }) =>
      reported(
        { what: 'operator', id: `${connection.source}/${scope.split('/').at(-1) ?? ''}`, kind: 'azure' },
        limits,
        (stop) => compared(rights, wantedOf(connection, scope, roles), scope, stop),
        notAsked,
      ),
    );
  });
  return Promise.all([...reading, ...acting]);
}

async function compared(
  rightsAt: RightsAt,
  wanted: readonly (readonly [string, readonly string[]])[],
  whole: string,
  signal: AbortSignal,
): Promise<Compared> {
  const missing = new Set<string>();
  for (const [place, permissions] of wanted.slice(0, mostPlaces)) {
    const rights = await rightsAt(place, signal);
    for (const one of permissions) if (!mayDo(rights, one)) missing.add(one);
  }
  const rights = await rightsAt(whole, signal);
  const left = wanted.length - mostPlaces;
  return {
    missing: [...missing].sort(),
    excess: [...tooMuch.filter((one) => mayDo(rights, one)), ...tooMuchData.filter((one) => mayDoData(rights, one))],
    unasked: left > 0 ? [`${left} more resources were not asked about`] : [],
  };
}

// What the role that is printed allows at a resource: of it, what is about that kind of resource.
function wantedOf(
  connection: ActingAzure,
  scope: string,
  roles: readonly AzureRole[],
): readonly (readonly [string, readonly string[]])[] {
  return roles.flatMap((role) =>
    role.assignAt.flatMap((id) => {
      const [, subscription = '', on = ''] = /^\/subscriptions\/([^/]+)(.*)$/.exec(id) ?? [];
      if (identityFor(connection, subscription, { allow: [{ operations: [], on }] }).scope !== scope) return [];
      const [namespace = '', ...words] = on.slice(on.lastIndexOf('/providers/') + '/providers/'.length).split('/');
      const type = `${[namespace, ...words.filter((_word, at) => at % 2 === 0)].join('/')}/`.toLowerCase();
      return [[id, actionsOf(role).filter((one) => one.toLowerCase().startsWith(type))] as const];
    }),
  );
}

function actionsOf({ role }: AzureRole): readonly string[] {
  return z.array(z.string()).parse(role['Actions']);
}

function readersRights(reader: AzureReader, subscription: string): RightsAt {
  return async (_scope, signal) => {
    const all: Rights[number][] = [];
    let next: string | undefined;
    do {
      const call = { operation: 'permissions.list', subscription, on: '' } as const;
      const said = page.parse(await reader.ask({ ...call, ...(next === undefined ? {} : { next }) }, signal));
      all.push(...said.value);
      next = said.nextLink ?? undefined;
    } while (next !== undefined && all.length < 1_000);
    return all;
  };
}

function handsRights(connection: ActingAzure, ambient: Ambient): RightsAt {
  const hands = makeAzureHands(ambient, [connection]);
  return async (scope, signal) => {
    const [, id = '', on = ''] = /^\/subscriptions\/([^/]+)(.*)$/.exec(scope) ?? [];
    const subscription = connection.subscriptions.find((one) => one.id.toLowerCase() === id.toLowerCase());
    if (subscription === undefined)
      throw new WatchkeeperError('config-invalid', `${scope} is in no subscription of operators.azure`);
    const allow = [{ operations: ['permissions.list'] as const, on }];
    const wish = { source: connection.source, subscription: subscription.name, region: '', allow, name: 'check' };
    const session = await hands.session(wish, signal);
    const answer: JsonObject = await session.ask({ operation: 'permissions.list', on }, signal);
    return page.parse(answer).value;
  };
}

// A role allows what its actions name, less what its own notActions do; what another role allows stays allowed.
function mayDo(rights: Rights, permission: string): boolean {
  return rights.some(({ actions, notActions }) => doName(actions, permission) && !doName(notActions, permission));
}

function mayDoData(rights: Rights, permission: string): boolean {
  return rights.some((one) => doName(one.dataActions, permission) && !doName(one.notDataActions, permission));
}

function doName(patterns: readonly string[] | null | undefined, permission: string): boolean {
  return (patterns ?? []).some((pattern) => {
    const source = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
    return new RegExp(`^${source}$`, 'i').test(permission);
  });
}

function notAsked({ code }: { readonly code: string }): string | undefined {
  return code === 'forbidden' ? 'it may not ask (Microsoft.Authorization/permissions/read)' : undefined;
}
