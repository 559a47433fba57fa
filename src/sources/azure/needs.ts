import type { AzureConfig } from './schema.ts';

/** The least that the source's identity needs, as `actions` of a role that is assigned in each subscription. */
export function readingPermissions(config: AzureConfig): readonly string[] {
  return [
    ...['Microsoft.Resources/subscriptions/read', 'Microsoft.Insights/metrics/read'],
    ...['Microsoft.App/containerApps/read', 'Microsoft.App/containerApps/revisions/read'],
    ...['Microsoft.Web/sites/read', 'Microsoft.Web/sites/deployments/read'],
    ...['Microsoft.Compute/virtualMachineScaleSets/read', 'Microsoft.Compute/virtualMachines/read'],
    ...['Microsoft.Compute/virtualMachineScaleSets/instanceView/read', 'Microsoft.Sql/servers/failoverGroups/read'],
    'Microsoft.OperationalInsights/workspaces/query/read',
    ...(config.alerts ? ['Microsoft.AlertsManagement/alerts/read'] : []),
    ...(config.activityLog ? ['Microsoft.Insights/eventtypes/values/read'] : []),
    ...(config.discover || config.resourceChanges ? ['Microsoft.ResourceGraph/resources/read'] : []),
    ...(config.resourceChanges ? ['Microsoft.Resources/changes/read'] : []),
  ].sort();
}
