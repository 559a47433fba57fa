import { selects } from '../../lib/selector.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { ActionKind, AzureAccess } from '../../domain/ports/action.ts';
import type { AzureAllowance } from '../../domain/ports/azure.ts';
import type { Service } from '../../domain/service.ts';
import type { ActingAzure } from '../../io/clients/azure/index.ts';
import { isResourceGroup, operationOf } from '../../io/clients/azure/operations.ts';
import { identityFor } from '../../io/clients/azure/scopes.ts';
import type { Runbook } from '../../runbooks/index.ts';

/** A role definition, as `az role definition create` takes it, and for whom it is. */
export interface AzureRole {
  /** The source that reads, or the identity that acts. */
  readonly identity: string;
  /** Where the role is to be assigned. */
  readonly assignAt: readonly string[];
  readonly role: JsonObject;
}

/** What acts, and on what. */
export interface AzureActs {
  readonly runbooks: readonly Runbook[];
  readonly services: readonly Service[];
  readonly actions: Readonly<Record<string, ActionKind>>;
}

/** The least role of what reads, assigned in each of its subscriptions. */
export function azureReaderRole(
  source: string,
  permissions: readonly string[],
  subscriptions: readonly string[],
): AzureRole {
  const assignAt = subscriptions.map((id) => `/subscriptions/${id}`);
  return { identity: source, assignAt, role: definition(`Watchkeeper reader (${source})`, permissions, assignAt) };
}

/**
 * The least role of each identity of `operators.azure`, for the runbooks in force, to be assigned at the very resources of
 * declared services. What has no identity whose scope holds it is not in it: there nothing can be done.
 */
export function azureOperatorRoles(connections: readonly ActingAzure[], acts: AzureActs): readonly AzureRole[] {
  return connections.flatMap((connection) => {
    const wanted = new Map<string, Wanted>();
    for (const access of accesses(acts).filter(({ source }) => source === connection.source)) {
      const { subscriptions } = connection;
      const found = subscriptions.find(({ name }) => name === access.subscription);
      const subscription = found ?? (subscriptions.length === 1 ? subscriptions[0] : undefined);
      if (subscription === undefined) continue;
      const allow = [...access.look, ...access.act];
      const scope = scopeFor(connection, subscription.id, allow);
      if (scope === undefined) continue;
      for (const one of allow) {
        // A right to look around in a group is a role of its own: what acts is not to be assigned there.
        const isWide = isResourceGroup(one.on);
        const key = `${scope}${isWide ? ' around' : ''}`;
        const known = wanted.get(key) ?? { scope, isWide, at: new Set<string>(), permissions: new Set<string>() };
        // What lies below a resource is covered by the role at the resource.
        known.at.add(`/subscriptions/${subscription.id}${one.on.replace(/\/slots\/[^/]+$/, '')}`);
        for (const permission of permissionsOf(one)) known.permissions.add(permission);
        wanted.set(key, known);
      }
    }
    return [...wanted]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, { scope, isWide, at, permissions }]): AzureRole => {
        const assignAt = [...at].sort();
        const subscriptions = [...new Set(assignAt.map((id) => id.split('/').slice(0, 3).join('/')))];
        const { clientId } = connection.identities.find((one) => one.scope === scope) ?? {};
        return {
          ...{ identity: clientId ?? `the identity of ${scope}`, assignAt },
          role: definition(
            `Watchkeeper operator (${scope.split('/').at(-1) ?? ''}${isWide ? ', around' : ''})`,
            [...permissions],
            subscriptions,
          ),
        };
      });
  });
}

interface Wanted {
  readonly scope: string;
  readonly isWide: boolean;
  readonly at: Set<string>;
  readonly permissions: Set<string>;
}

function accesses({ runbooks, services, actions }: AzureActs): readonly AzureAccess[] {
  return runbooks.flatMap((runbook) =>
    services
      .filter((service) => selects(runbook.services, service))
      .flatMap((service) => runbook.steps.flatMap(({ action }) => needsOf(actions[action], service))),
  );
}

// A runbook may be for services that are no such resource: there the action does nothing, and needs nothing.
function needsOf(kind: ActionKind | undefined, service: Service): readonly AzureAccess[] {
  try {
    const access = kind?.azureAccess?.(service);
    return access === undefined ? [] : [access];
  } catch {
    return [];
  }
}

function scopeFor(
  connection: ActingAzure,
  subscriptionId: string,
  allow: readonly AzureAllowance[],
): string | undefined {
  try {
    return identityFor(connection, subscriptionId, { allow }).scope;
  } catch {
    return undefined;
  }
}

// A slot has rights of its own: those of its app, below `slots`.
function permissionsOf({ operations, on }: AzureAllowance): readonly string[] {
  return operations.map((operation) => {
    const { permission } = operationOf(operation);
    return /\/slots\/[^/]+$/.test(on) ? permission.replace('/sites/', '/sites/slots/') : permission;
  });
}

function definition(name: string, actions: readonly string[], scopes: readonly string[]): JsonObject {
  return {
    ...{ Name: name, IsCustom: true, Description: 'Printed by watchkeeper permissions azure.' },
    ...{ Actions: [...new Set(actions)].sort(), NotActions: [], DataActions: [], NotDataActions: [] },
    AssignableScopes: [...scopes].sort(),
  };
}
