import { actionKinds } from '../../actions/index.ts';
import { sourceKinds } from '../../sources/index.ts';
import { azureOperatorRoles, azureReaderRole, type AzureRole } from '../access/index.ts';
import type { Config } from '../load/index.ts';
import type { Resources } from '../resources.ts';
import { azureHostsPermissions } from '../../io/clients/azure/hosts.ts';
import { tellsMachines } from './machines.ts';

/** The least roles for Azure: one for each azure source's reader, and one for each identity that acts. */
export function azureRoles(
  config: Pick<Config, 'sources' | 'operators'>,
  { runbooks, services }: Pick<Resources, 'runbooks' | 'services'>,
): { readonly readers: readonly AzureRole[]; readonly operators: readonly AzureRole[] } {
  const readers = config.sources.flatMap(({ id, kind, config: block }) => {
    const own = sourceKinds[kind]?.azureAccess(block) ?? [];
    const machines = own.length > 0 && tellsMachines(config, id) ? azureHostsPermissions : [];
    const permissions = [...new Set([...own, ...machines])].sort();
    const { subscriptions = [] } = block as { readonly subscriptions?: readonly { readonly id: string }[] };
    return permissions.length === 0
      ? []
      : [
          azureReaderRole(
            id,
            permissions,
            subscriptions.map((one) => one.id),
          ),
        ];
  });
  return {
    readers,
    operators: azureOperatorRoles(config.operators.azure, { runbooks, services, actions: actionKinds }),
  };
}
