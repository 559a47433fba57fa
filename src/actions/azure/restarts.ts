import * as z from 'zod';

import { flexibleCapacity, readSet } from './scale-set.ts';
import { tracelessAction, type TracelessLook } from './traceless.ts';
import { readSite } from './web-app.ts';

const nothing = z.strictObject({});

/** Restarts a web app on all its workers. */
export const webAppRestart = tracelessAction({
  kind: 'azure.webapp-restart',
  summary: 'Restart a web app',
  scope: 'service',
  params: nothing,
  is: 'web-app',
  asks: { look: ['webApps.get', 'webApps.deployments'], act: ['webApps.restart'] },
  done: 'restarted',
  look: async (_params, reach) => {
    const { state, isUp, content } = await readSite(reach);
    return {
      state,
      facts: { content: content ?? '' },
      ...(state === 'Running'
        ? {}
        : { refused: `it is ${state === '' ? 'not running' : state}: only what runs is restarted` }),
      blast: {
        ...{ touched: 1, total: 1, healthyNow: Number(isUp), healthyAfter: 0 },
        ...{ targets: [reach.place.resource.name], dependents: [] },
      },
    };
  },
  write: () => ['webApps.restart', { query: { softRestart: 'false', synchronous: 'false' } }],
});

const instance = z.string().regex(/^\d{1,9}$/, 'must be the number of an instance');
const instances = z.object({
  value: z
    .array(
      z.object({
        instanceId: z.string().default(''),
        properties: z.object({ provisioningState: z.string().default('') }),
      }),
    )
    .default([]),
});

/** Makes machines of a scale set anew from its image: what is on their system disks is lost. */
export const vmssReimage = tracelessAction({
  kind: 'azure.vmss-reimage',
  summary: 'Make machines of a scale set anew from its image',
  scope: 'service',
  destructive: true,
  params: z.strictObject({ instances: z.array(instance).min(1).max(20) }),
  is: 'scale-set',
  asks: { look: ['scaleSets.get', 'scaleSets.instanceView', 'scaleSets.instances'], act: ['scaleSets.reimage'] },
  done: 'made anew',
  look: async (params, reach) => {
    const flexible = await flexibleCapacity(reach);
    if (flexible !== undefined) return notReimaged(params.instances, flexible);
    const [set, answer] = await Promise.all([readSet(reach), reach.ask('scaleSets.instances')]);
    const known = new Set(instances.parse(answer).value.map(({ instanceId }) => instanceId));
    const gone = params.instances.filter((id) => !known.has(id));
    const touched = params.instances.length;
    return {
      state: params.instances.map((id) => `instance ${id}`).join(', '),
      facts: { capacity: set.capacity, well: set.well, provisioning: set.provisioning },
      ...(gone.length === 0 ? {} : { refused: `there is no instance ${gone.join(', ')} in it` }),
      ...(set.provisioning === 'Updating' ? { busy: 'the scale set is being updated' } : {}),
      blast: {
        ...{ touched, total: Math.max(touched, set.capacity), healthyNow: set.well },
        ...{ healthyAfter: Math.max(0, set.well - touched), targets: params.instances, dependents: [] },
      },
    };
  },
  write: (params) => ['scaleSets.reimage', { body: { instanceIds: [...params.instances] } }],
});

// Azure reimages machines of Uniform orchestration alone: those of Flexible are virtual machines with disks of their own.
function notReimaged(targets: readonly string[], capacity: number): TracelessLook {
  const blast = { touched: targets.length, total: Math.max(targets.length, capacity), targets, dependents: [] };
  return {
    state: targets.map((id) => `instance ${id}`).join(', '),
    facts: { capacity },
    refused:
      'its orchestration is Flexible, and Azure reimages machines of Uniform scale sets alone: restart or replace its virtual machines',
    blast: { ...blast, healthyNow: capacity, healthyAfter: Math.max(0, capacity - targets.length) },
  };
}

const machine = z.object({
  properties: z.object({
    provisioningState: z.string().default(''),
    instanceView: z.object({ statuses: z.array(z.object({ code: z.string() })).nullish() }).nullish(),
  }),
});

/** Restarts a virtual machine: the operating system, with its disks and addresses kept. */
export const vmRestart = tracelessAction({
  kind: 'azure.vm-restart',
  summary: 'Restart a virtual machine',
  scope: 'host',
  params: nothing,
  is: 'virtual-machine',
  asks: { look: ['virtualMachines.get'], act: ['virtualMachines.restart'] },
  done: 'restarted',
  look: async (_params, reach) => {
    const answer = await reach.ask('virtualMachines.get', { query: { $expand: 'instanceView' } });
    const { provisioningState, instanceView } = machine.parse(answer).properties;
    const power = instanceView?.statuses?.find(({ code }) => code.startsWith('PowerState/'))?.code ?? '';
    return {
      state: power.replace('PowerState/', ''),
      facts: { power, provisioning: provisioningState },
      ...(power === 'PowerState/running'
        ? {}
        : { refused: `it is ${power || 'in no known state'}: only what runs is restarted` }),
      ...(provisioningState === 'Updating' ? { busy: 'the machine is being updated' } : {}),
      blast: {
        touched: 1,
        total: 1,
        healthyNow: 1,
        healthyAfter: 0,
        targets: [reach.place.resource.name],
        dependents: [],
      },
    };
  },
  write: () => ['virtualMachines.restart'],
});
