import { describe, expect, it } from 'vitest';

import { inventoryConfig } from '../../../../src/io/clients/ssh/inventory/config.ts';
import { targetOf } from '../../../../src/io/clients/ssh/inventory/fleet.ts';
import { sshOperators } from '../../../../src/io/clients/ssh/operators.ts';
import type { Json } from '../../../../src/lib/json.ts';
import { realReader } from '../../../support/real-reader.ts';

const { signal } = new AbortController();
const login = { user: 'hand', keyFile: '/keys/hand' };

function inventoryOf(more: Readonly<Record<string, Json>> = {}) {
  const parsed = inventoryConfig.parse({
    login: { user: 'watch', keyFile: '/keys/watch' },
    hosts: {
      'web-2': { groups: ['web'] },
      'web-1': { address: '10.0.0.1', user: 'own', keyFile: '/keys/own', groups: ['web'] },
      'db-1': { fingerprints: ['SHA256:' + 'A'.repeat(43)] },
    },
    jump: [{ address: 'bastion', user: 'through' }, { address: 'inner' }],
    ...more,
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.value;
}

const operators = () => sshOperators(realReader({}), [{ source: 'fleet', login, inventory: inventoryOf() }]);

describe('the hands on hosts', () => {
  it('have no login where watchkeeper.yaml gives none', () => {
    expect(() => operators().operator('other')).toThrow(expect.objectContaining({ code: 'forbidden' }));
  });

  it('know the hosts of a group, in order, and one by its name', async () => {
    const fleet = operators().operator('fleet');
    const names = async (place: { host?: string; group?: string }) =>
      (await fleet.hosts(place, signal)).map(({ name }) => name);
    expect(await names({ group: 'web' })).toEqual(['web-1', 'web-2']);
    expect(await names({ group: 'all' })).toEqual(['db-1', 'web-1', 'web-2']);
    expect(await names({ host: 'db-1' })).toEqual(['db-1']);
    await expect(names({ host: 'db-9' })).rejects.toMatchObject({ code: 'not-found' });
    await expect(names({ group: 'none' })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('reach no host that the inventory does not have', async () => {
    const fleet = operators().operator('fleet');
    const command = { script: 'true', args: [], timeoutMs: 1_000, signal };
    await expect(fleet.act('db-9', command)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('log in as themselves whatever a host says of readers, and go through jump hosts as the inventory says', () => {
    const inventory = inventoryOf();
    const host = { name: 'web-1', ...inventory.hosts['web-1']! };
    const target = targetOf(inventory, host, login);
    expect(target).toMatchObject({ host: '10.0.0.1', port: 22, login });
    expect(target.via.map((jump) => jump.login)).toEqual([{ ...login, user: 'through' }, login]);
    expect(targetOf(inventory, host).login).toEqual({ user: 'own', keyFile: '/keys/own' });
  });
});
