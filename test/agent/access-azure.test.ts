import { expect, it } from 'vitest';

import { actionKinds } from '../../src/actions/index.ts';
import { azureOperatorRoles } from '../../src/agent/access/index.ts';
import type { AzureResource } from '../../src/domain/places.ts';
import type { Service } from '../../src/domain/service.ts';
import type { Runbook } from '../../src/runbooks/index.ts';

const id = '11111111-2222-3333-4444-555555555555';
const group = `/subscriptions/${id}/resourceGroups/shop`;
const set = `${group}/providers/Microsoft.Compute/virtualMachineScaleSets/web`;

function rolesFor(action: string, resource: AzureResource, scope = group) {
  const azure = { source: 'azure', region: 'westeurope', resourceGroup: 'shop', resource };
  const service: Service = {
    ...{ name: 'web', labels: {}, owner: { team: 'x', escalate: 'default' }, dependsOn: [], slos: [], telemetry: {} },
    ...{ origin: 'declared', runsOn: [{ on: 'azure', azure }] },
  };
  const runbook = { name: 'r', services: {}, steps: [{ action }] } as unknown as Runbook;
  const connection = {
    ...({ source: 'azure', cloud: 'public', subscriptions: [{ name: 'prod', id }] } as const),
    identities: [{ scope, clientId: 'hand' }],
  };
  return azureOperatorRoles([connection], { runbooks: [runbook], services: [service], actions: actionKinds });
}

it.each([group, set])(
  'assigns what scales a set at the set alone, and what looks around it at its group, for an identity of %s',
  (scope) => {
    const roles = rolesFor('azure.vmss-scale', { is: 'scale-set', name: 'web' }, scope);
    expect(roles.map(({ identity, assignAt, role }) => [identity, assignAt, role['Actions']])).toEqual([
      [
        'hand',
        [set],
        [
          'Microsoft.Compute/virtualMachineScaleSets/instanceView/read',
          'Microsoft.Compute/virtualMachineScaleSets/read',
          'Microsoft.Compute/virtualMachineScaleSets/write',
        ],
      ],
      ['hand', [group], ['Microsoft.Compute/virtualMachines/read', 'Microsoft.Insights/autoscaleSettings/read']],
    ]);
    expect(new Set(roles.map(({ role }) => role['Name'])).size).toBe(2);
  },
);

it('asks for nothing around what is not scaled', () => {
  expect(rolesFor('azure.vmss-reimage', { is: 'scale-set', name: 'web' }).map(({ assignAt }) => assignAt)).toEqual([
    [set],
  ]);
});
