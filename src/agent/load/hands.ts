import type { Issue } from '../../lib/issues.ts';
import type { JsonObject } from '../../lib/json.ts';
import { inventoryConfig } from '../../io/clients/ssh/inventory/config.ts';
import { cloudKinds } from '../../io/index.ts';
import type { SshHands } from '../../io/clients/ssh/operators.ts';
import type { WrittenConfig } from './config-schema.ts';

/** The hands' logins on hosts, each with the inventory of its source. What `handsIssues` refuses is not among them. */
export function handsOf({ sources, operators }: Pick<WrittenConfig, 'sources' | 'operators'>): readonly SshHands[] {
  return operators.ssh.flatMap((hand) => {
    const found = sources.find(({ id, kind }) => id === hand.source && kind === 'ssh');
    const inventory = found === undefined ? undefined : inventoryConfig.parse(found as JsonObject);
    return inventory?.ok === true ? [{ ...hand, inventory: inventory.value }] : [];
  });
}

/** An inventory asks clouds by the ids of their sources. */
export function inventoryIssues({ sources }: Pick<WrittenConfig, 'sources'>): readonly Issue[] {
  return sources.flatMap((source, i): readonly Issue[] => {
    const inventory = source.kind === 'ssh' ? inventoryConfig.parse(source as JsonObject) : undefined;
    if (inventory?.ok !== true) return [];
    return inventory.value.cloud.flatMap((cloud, j): readonly Issue[] => {
      const kind = sources.find(({ id }) => id === cloud.source)?.kind;
      if (kind !== undefined && cloudKinds.includes(kind)) return [];
      const what =
        kind === undefined ? 'there is no source' : `${kind} tells of no machines: name a source of a cloud, not`;
      return [{ path: ['sources', i, 'cloud', j, 'source'], message: `${what} "${cloud.source}"` }];
    });
  });
}

/** Hands need an inventory, and a user other than the reader's: what only reads must have no privileges. */
export function handsIssues({ sources, operators }: Pick<WrittenConfig, 'sources' | 'operators'>): readonly Issue[] {
  return operators.ssh.flatMap((hand, i): readonly Issue[] => {
    const at = (...path: readonly string[]): Issue['path'] => ['operators', 'ssh', i, ...path];
    if (operators.ssh.findIndex((other) => other.source === hand.source) < i)
      return [{ path: at('source'), message: `there are two entries for the source ${hand.source}` }];
    const found = sources.find(({ id, kind }) => id === hand.source && kind === 'ssh');
    if (found === undefined)
      return [{ path: at('source'), message: `there is no ssh source with the id "${hand.source}"` }];
    const inventory = inventoryConfig.parse(found as JsonObject);
    const same = inventory.ok && inventory.value.login.user === hand.login.user;
    return same
      ? [{ path: at('login', 'user'), message: `${hand.login.user} is the user that reads; hands need another` }]
      : [];
  });
}
