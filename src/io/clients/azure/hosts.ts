import * as z from 'zod';

import type { AzureReader } from '../../../domain/ports/azure.ts';
import type { CloudHost, CloudHostsQuery } from '../../../domain/ports/cloud-hosts.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import { azureConnection, azureIdentity, azureSubscriptions } from './config.ts';
import { graphRows } from './graph.ts';

/** Of a source's whole block: where its machines are, and as whom they are asked for. */
export const azureScope = z.object({
  ...azureConnection,
  subscriptions: azureSubscriptions,
  identity: z.strictObject(azureIdentity).exactOptional(),
});

// Virtual machines that run, each with the first address of its first interface (Resource Graph's own sample, "virtual machines with their
// network interfaces"). No word of anybody's is part of it: tags are compared here.
const query = `resources
| where type =~ 'microsoft.compute/virtualmachines'
| where tostring(properties.extended.instanceView.powerState.code) =~ 'PowerState/running'
| extend nics = array_length(properties.networkProfile.networkInterfaces)
| mv-expand nic = properties.networkProfile.networkInterfaces
| where nics == 1 or nic.properties.primary =~ 'true' or isempty(nic)
| project id, name, location, subscriptionId, tags, vmId = tostring(properties.vmId), zone = tostring(zones[0]), size = tostring(properties.hardwareProfile.vmSize), os = tostring(properties.storageProfile.osDisk.osType), nicId = tolower(tostring(nic.id))
| join kind=leftouter (resources
  | where type =~ 'microsoft.network/networkinterfaces'
  | mv-expand ip = properties.ipConfigurations
  | where array_length(properties.ipConfigurations) == 1 or ip.properties.primary =~ 'true'
  | project nicId = tolower(id), privateIp = tostring(ip.properties.privateIPAddress), publicId = tolower(tostring(ip.properties.publicIPAddress.id))) on nicId
| join kind=leftouter (resources
  | where type =~ 'microsoft.network/publicipaddresses'
  | project publicId = tolower(id), publicIp = tostring(properties.ipAddress)) on publicId
| project id, name, location, subscriptionId, tags, vmId, zone, size, os, privateIp, publicIp
| order by id asc`;

/** What a reader has to be allowed for it. */
export const azureHostsPermissions: readonly string[] = [
  'Microsoft.Compute/virtualMachines/read',
  'Microsoft.Network/networkInterfaces/read',
  'Microsoft.Network/publicIPAddresses/read',
];

const text = z.string().nullish();
const row = z.object({
  name: z.string().min(1).max(260),
  vmId: z.string().regex(/^[0-9a-f-]{36}$/i),
  location: z.string(),
  subscriptionId: z.string(),
  tags: z.record(z.string(), z.string()).nullish(),
  ...{ zone: text, size: text, os: text, privateIp: text, publicIp: text },
});

/** The running virtual machines in all subscriptions of a source that bear the tags. A list that is not whole is none. */
export async function azureHosts(
  reader: AzureReader,
  scope: Pick<z.output<typeof azureScope>, 'subscriptions'>,
  { tags }: CloudHostsQuery,
  signal: AbortSignal,
): Promise<readonly CloudHost[]> {
  const { rows, truncated } = await graphRows(scope, reader, query, signal);
  if (truncated)
    throw new WatchkeeperError('too-large', 'Azure has more machines than are read: the list is not whole');
  const names = new Map(scope.subscriptions.map(({ id, name }) => [id.toLowerCase(), name]));
  return rows.flatMap((one) => {
    const parsed = row.safeParse(one);
    return parsed.success ? hostOf(parsed.data, names, tags) : [];
  });
}

function hostOf(
  found: z.output<typeof row>,
  names: ReadonlyMap<string, string>,
  wanted: CloudHostsQuery['tags'],
): readonly CloudHost[] {
  const { vmId, name, location, subscriptionId, zone, size, os, privateIp, publicIp } = found;
  const tags = found.tags ?? {};
  const bears = Object.entries(wanted).every(([key, value]) =>
    value === '*' ? tags[key] !== undefined : tags[key] === value,
  );
  if (!bears) return [];
  return [
    {
      ...{ id: vmId, name, tags, os: os?.toLowerCase() === 'windows' ? 'windows' : 'linux' },
      ...(privateIp ? { privateAddress: privateIp } : {}),
      ...(publicIp ? { publicAddress: publicIp } : {}),
      place: {
        ...{ region: location, account: names.get(subscriptionId.toLowerCase()) ?? subscriptionId },
        ...(zone ? { zone: `${location}-${zone}` } : {}),
        ...(size ? { instance_type: size } : {}),
      },
    },
  ];
}
