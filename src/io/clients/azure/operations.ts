import { WatchkeeperError } from '../../../lib/errors.ts';
import type { AzureCall, AzureOperation, AzureRead, AzureWrite } from '../../../domain/ports/azure.ts';

/** Where an operation is asked: Resource Manager, the metrics of a region, or the logs. */
export type AzureHost = 'management' | 'metrics' | 'logs';

/** One operation, as the REST reference has it. */
export interface OperationSpec {
  readonly host: AzureHost;
  readonly method: 'GET' | 'POST' | 'PATCH';
  /** `{subscription}`, `{on}` and names of the call's `path`. */
  readonly path: string;
  readonly apiVersion?: string;
  /** The resource type that `on` must be of. */
  readonly type?: string;
  /** What a role must allow (`actions` of a role definition). */
  readonly permission: string;
  /** What is asked of it in a second at most; where Azure documents a budget, half of it. */
  readonly perSecond?: number;
}

/** What `on` is of a call about a whole resource group. */
const resourceGroup = 'Microsoft.Resources/resourceGroups';
// Of a subscription, a resource group, or any resource in one.
const anything = '*';
const app = 'Microsoft.App/containerApps';
const site = 'Microsoft.Web/sites';
const set = 'Microsoft.Compute/virtualMachineScaleSets';
const machine = 'Microsoft.Compute/virtualMachines';
const group = 'Microsoft.Sql/servers/failoverGroups';
const versions = { app: '2024-03-01', web: '2023-12-01', compute: '2024-07-01', sql: '2021-11-01' };

/** Every read. */
export const reads: Readonly<Record<AzureRead, OperationSpec>> = {
  'subscriptions.get': read('/subscriptions/{subscription}', '2022-12-01', 'Microsoft.Resources/subscriptions/read'),
  'graph.query': {
    ...{ host: 'management', method: 'POST', path: '/providers/Microsoft.ResourceGraph/resources' },
    ...{ apiVersion: '2022-10-01', permission: 'Microsoft.ResourceGraph/resources/read' },
    // 15 in 5 seconds.
    perSecond: 1.5,
  },
  'metrics.batch': {
    ...{ host: 'metrics', method: 'POST', path: '/subscriptions/{subscription}/metrics:getBatch' },
    // 360,000 calls an hour for a subscription in a region.
    ...{ apiVersion: '2023-10-01', permission: 'Microsoft.Insights/metrics/read', perSecond: 50 },
  },
  'logs.query': {
    ...{ host: 'logs', method: 'POST', path: '/v1/workspaces/{workspace}/query' },
    // 200 in 30 seconds, five at once.
    ...{ permission: 'Microsoft.OperationalInsights/workspaces/query/read', perSecond: 3 },
  },
  'activityLog.list': read(
    '/subscriptions/{subscription}/providers/Microsoft.Insights/eventtypes/management/values',
    '2015-04-01',
    'Microsoft.Insights/eventtypes/values/read',
  ),
  'alerts.get': read(
    '/subscriptions/{subscription}/providers/Microsoft.AlertsManagement/alerts/{alert}',
    '2019-03-01',
    'Microsoft.AlertsManagement/alerts/read',
  ),
  'alerts.list': read(
    '/subscriptions/{subscription}/providers/Microsoft.AlertsManagement/alerts',
    '2019-03-01',
    'Microsoft.AlertsManagement/alerts/read',
  ),
  'autoscaleSettings.list': read(
    '{on}/providers/Microsoft.Insights/autoscaleSettings',
    '2015-04-01',
    'Microsoft.Insights/autoscaleSettings/read',
    resourceGroup,
  ),
  // What the caller may do there. Of a subscription: learn.microsoft.com, "Use Resource Manager authentication API".
  'permissions.list': read(
    '{on}/providers/Microsoft.Authorization/permissions',
    '2022-04-01',
    'Microsoft.Authorization/permissions/read',
    anything,
  ),
  'containerApps.get': read('{on}', versions.app, `${app}/read`, app),
  'containerApps.revisions': read('{on}/revisions', versions.app, `${app}/revisions/read`, app),
  'webApps.get': read('{on}', versions.web, `${site}/read`, site),
  'webApps.deployments': read('{on}/deployments', versions.web, `${site}/deployments/read`, site),
  'scaleSets.get': read('{on}', versions.compute, `${set}/read`, set),
  'scaleSets.instanceView': read('{on}/instanceView', versions.compute, `${set}/instanceView/read`, set),
  'scaleSets.instances': read('{on}/virtualMachines', versions.compute, `${set}/virtualMachines/read`, set),
  'scaleSets.upgrades': read('{on}/osUpgradeHistory', versions.compute, `${set}/osUpgradeHistory/read`, set),
  // Of a resource group, or, by `$filter`, of a scale set of Flexible orchestration, which has no instance view of its own.
  'machines.list': read(
    '{on}/providers/Microsoft.Compute/virtualMachines',
    versions.compute,
    `${machine}/read`,
    resourceGroup,
  ),
  'virtualMachines.get': read('{on}', versions.compute, `${machine}/read`, machine),
  'failoverGroups.get': read('{on}', versions.sql, `${group}/read`, group),
};

/** Every write. */
export const writes: Readonly<Record<AzureWrite, OperationSpec>> = {
  'containerApps.update': write('PATCH', '{on}', versions.app, `${app}/write`, app),
  'revisions.activate': write(
    'POST',
    '{on}/revisions/{revision}/activate',
    versions.app,
    `${app}/revisions/activate/action`,
    app,
  ),
  'webApps.swap': write('POST', '{on}/slotsswap', versions.web, `${site}/slotsswap/action`, site),
  'webApps.restart': write('POST', '{on}/restart', versions.web, `${site}/restart/action`, site),
  'scaleSets.update': write('PATCH', '{on}', versions.compute, `${set}/write`, set),
  'scaleSets.reimage': write('POST', '{on}/reimage', versions.compute, `${set}/reimage/action`, set),
  'virtualMachines.restart': write('POST', '{on}/restart', versions.compute, `${machine}/restart/action`, machine),
  'failoverGroups.failover': write('POST', '{on}/failover', versions.sql, `${group}/failover/action`, group),
};

function read(path: string, apiVersion: string, permission: string, type?: string): OperationSpec {
  const about = type === undefined ? {} : { type };
  return { host: 'management', method: 'GET', path: placed(path), apiVersion, permission, ...about };
}

function write(
  method: 'POST' | 'PATCH',
  path: string,
  apiVersion: string,
  permission: string,
  type: string,
): OperationSpec {
  return { host: 'management', method, path: placed(path), apiVersion, permission, type };
}

function placed(path: string): string {
  return path.startsWith('{on}') ? `/subscriptions/{subscription}${path}` : path;
}

/** Whether an operation is one of those that change nothing. */
export function isAzureRead(operation: string): operation is AzureRead {
  return Object.hasOwn(reads, operation);
}

/** What is known of an operation. @throws `unsupported` for one that is not in the tables. */
export function operationOf(operation: AzureOperation): OperationSpec {
  const known = isAzureRead(operation) ? reads[operation] : writes[operation];
  // Said once more at run time: the type is only as good as what was parsed into it.
  if ((known as OperationSpec | undefined) === undefined)
    throw new WatchkeeperError('unsupported', `${operation} is not among the calls that are made`);
  return known;
}

/** Whether something below a subscription is a resource group, and not a resource in one. */
export function isResourceGroup(on: string): boolean {
  return /^\/resourceGroups\/[\w.()-]{1,90}$/.test(on) && !/\/\.+$/.test(on);
}

/** The path of a call. @throws `config-invalid` when what it names cannot stand in one, or is of another type. */
export function pathOf({ operation, on, path = {} }: AzureCall, subscriptionId: string): string {
  const spec = operationOf(operation);
  const parts: Readonly<Record<string, string | undefined>> = { ...path, subscription: subscriptionId };
  return spec.path.replace(/\{(\w+)\}/g, (_whole, name: string) => {
    if (name === 'on') return resourcePath(on, spec, operation);
    const value = parts[name];
    if (value !== undefined && /^[\w.~-]{1,260}$/.test(value) && !/^\.+$/.test(value)) return value;
    throw new WatchkeeperError('config-invalid', `${operation}: ${name} is missing, or is no name`);
  });
}

// `/resourceGroups/shop/providers/Microsoft.Web/sites/web/slots/staging`: names between known words, nothing else.
function resourcePath(on: string | undefined, { type = '' }: OperationSpec, operation: string): string {
  if (type === anything && on === '') return on;
  if ((type === resourceGroup || type === anything) && on !== undefined && isResourceGroup(on)) return on;
  const match = /^\/resourceGroups\/[\w.()-]{1,90}\/providers\/([\w.]+)((?:\/\w+\/[\w.-]{1,260})+)$/.exec(on ?? '');
  const words = (match?.[2] ?? '').split('/').filter((_word, index) => index % 2 === 1);
  const found = `${match?.[1] ?? ''}/${words.join('/')}`;
  if (type === anything && match !== null && on !== undefined && !/\/\.+(\/|$)/.test(on)) return on;
  if (on !== undefined && (found === type || found === `${type}/slots`) && !/\/\.+(\/|$)/.test(on)) return on;
  throw new WatchkeeperError('config-invalid', `${operation}: ${on ?? 'nothing'} is no resource of type ${type}`);
}
