import { inventoryConfig } from '../../io/clients/ssh/inventory/config.ts';
import type { Config } from '../load/index.ts';

/** Whether hosts over SSH are found by what a source of a cloud says of its machines. */
export function tellsMachines({ sources }: Pick<Config, 'sources'>, id: string): boolean {
  return sources.some(({ kind, config }) => {
    const inventory = kind === 'ssh' ? inventoryConfig.parse(config) : undefined;
    return inventory?.ok === true && inventory.value.cloud.some(({ source }) => source === id);
  });
}
