import { logTables, type AzureConfig } from './schema.ts';
import { traceTables } from './traces/query.ts';

const workspaces = 'Microsoft.OperationalInsights/workspaces';

/** The least that the source's identity needs, as `actions` of a role that is assigned in each subscription. */
export function readingPermissions(config: AzureConfig): readonly string[] {
  return [
    ...['Microsoft.Resources/subscriptions/read', 'Microsoft.Insights/metrics/read'],
    ...['Microsoft.App/containerApps/read', 'Microsoft.App/containerApps/revisions/read'],
    ...['Microsoft.Web/sites/read', 'Microsoft.Web/sites/deployments/read'],
    ...['Microsoft.Compute/virtualMachineScaleSets/read', 'Microsoft.Compute/virtualMachines/read'],
    ...['Microsoft.Compute/virtualMachineScaleSets/instanceView/read', 'Microsoft.Sql/servers/failoverGroups/read'],
    ...[`${workspaces}/read`, `${workspaces}/query/read`, ...tableRights()],
    ...(config.alerts ? ['Microsoft.AlertsManagement/alerts/read'] : []),
    ...(config.activityLog ? ['Microsoft.Insights/eventtypes/values/read'] : []),
    ...(config.discover || config.resourceChanges ? ['Microsoft.ResourceGraph/resources/read'] : []),
    ...(config.resourceChanges ? ['Microsoft.Resources/changes/read'] : []),
  ].sort();
}

// `query/read` alone runs a query and reads no row: each table is a right of its own. Which tables services name is not in
// this source's configuration, so it is all that they can name. Azure has one right for all tables whose name ends in `_CL`.
// Source: learn.microsoft.com, "Manage table-level read access in a Log Analytics workspace".
function tableRights(): readonly string[] {
  const tables = [...Object.keys(logTables), ...traceTables];
  return [
    ...new Set(tables.map((name) => `${workspaces}/query/${name.endsWith('_CL') ? 'Tables.Custom' : name}/read`)),
  ];
}
