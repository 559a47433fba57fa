import type { AzureOperation } from '../../../src/domain/ports/azure.ts';

/** What Microsoft's own client sends for an operation. Names in it: `shop`, `set`, `vm`, `srv`, `fg`. */
export interface PublishedOperation {
  readonly operation: AzureOperation;
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly path: string;
  /** Versions of the API that have it: that of the client, and that which is asked here, by the stable definitions. */
  readonly versions: readonly string[];
}

/** The subscription that the clients were asked for. */
export const publishedFor = '11111111-2222-3333-4444-555555555555';
/** The alert that one asks for by its id. */
export const publishedAlert = '66666666-2222-3333-4444-555555555555';
/** The workspace that the client of logs was asked for. */
export const publishedWorkspace = '55555555-2222-3333-4444-555555555555';

const subscription = `/subscriptions/${publishedFor}`;
const set = `${subscription}/resourceGroups/shop/providers/Microsoft.Compute/virtualMachineScaleSets/set`;
const machine = `${subscription}/resourceGroups/shop/providers/Microsoft.Compute/virtualMachines/vm`;
const failover = `${subscription}/resourceGroups/shop/providers/Microsoft.Sql/servers/srv/failoverGroups/fg`;
const insights = `${subscription}/providers/Microsoft.Insights`;

function each(
  versions: readonly string[],
  rows: readonly (readonly [AzureOperation, 'GET' | 'POST' | 'PATCH', string])[],
): readonly PublishedOperation[] {
  return rows.map(([operation, method, path]) => ({ operation, method, path, versions }));
}

/**
 * Recorded from the requests of clients that are too large to install for a test: `@azure/arm-compute` 24.1.0, `arm-sql`
 * 10.0.0, `arm-authorization` 9.0.0, `arm-monitor` 7.0.0, `arm-resourcegraph` 4.2.1, `arm-resources-subscriptions` 2.1.1, `monitor-query-logs` and
 * `monitor-query-metrics` 1.0.0, and of `azure-mgmt-alertsmanagement` 1.0.1 (PyPI). The versions that are asked here are
 * those of Azure/azure-rest-api-specs under `stable`.
 */
export const publishedOperations: readonly PublishedOperation[] = [
  ...each(
    ['2026-03-01', '2024-07-01'],
    [
      ['scaleSets.get', 'GET', set],
      ['scaleSets.instanceView', 'GET', `${set}/instanceView`],
      ['scaleSets.instances', 'GET', `${set}/virtualMachines`],
      ['scaleSets.upgrades', 'GET', `${set}/osUpgradeHistory`],
      ['scaleSets.update', 'PATCH', set],
      ['scaleSets.reimage', 'POST', `${set}/reimage`],
      ['virtualMachines.get', 'GET', machine],
      // By the REST reference, "Virtual Machines - List".
      ['machines.list', 'GET', `${subscription}/resourceGroups/shop/providers/Microsoft.Compute/virtualMachines`],
      ['virtualMachines.restart', 'POST', `${machine}/restart`],
    ],
  ),
  ...each(
    ['2020-11-01-preview', '2021-11-01'],
    [
      ['failoverGroups.get', 'GET', failover],
      ['failoverGroups.failover', 'POST', `${failover}/failover`],
    ],
  ),
  ...each(
    ['2015-04-01'],
    [
      ['activityLog.list', 'GET', `${insights}/eventtypes/management/values`],
      [
        'autoscaleSettings.list',
        'GET',
        `${subscription}/resourcegroups/shop/providers/Microsoft.Insights/autoscalesettings`,
      ],
    ],
  ),
  ...each(['2024-02-01', '2023-10-01'], [['metrics.batch', 'POST', `${subscription}/metrics:getBatch`]]),
  ...each(['2021-03-01', '2022-10-01'], [['graph.query', 'POST', '/providers/Microsoft.ResourceGraph/resources']]),
  ...each(['2022-12-01'], [['subscriptions.get', 'GET', subscription]]),
  ...each(
    ['2019-03-01'],
    [
      ['alerts.list', 'GET', `${subscription}/providers/Microsoft.AlertsManagement/alerts`],
      ['alerts.get', 'GET', `${subscription}/providers/Microsoft.AlertsManagement/alerts/${publishedAlert}`],
    ],
  ),
  ...each(
    ['2022-04-01'],
    [['permissions.list', 'GET', `${subscription}/resourcegroups/shop/providers/Microsoft.Authorization/permissions`]],
  ),
  // The version of this one is a part of its path.
  ...each([], [['logs.query', 'POST', `/v1/workspaces/${publishedWorkspace}/query`]]),
];

/** What each of the recorded operations was asked on. */
export const publishedOn: Readonly<Record<string, string>> = {
  ...{ scaleSets: set.slice(subscription.length), virtualMachines: machine.slice(subscription.length) },
  ...{ failoverGroups: failover.slice(subscription.length), autoscaleSettings: '/resourceGroups/shop' },
  ...{ permissions: '/resourceGroups/shop', machines: '/resourceGroups/shop' },
};
