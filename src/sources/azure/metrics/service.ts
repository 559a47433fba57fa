import { azureResourcePath } from '../../../domain/places.ts';
import type { AzureReader } from '../../../domain/ports/azure.ts';
import type { MetricsService } from '../../../io/clients/cloud/sweep.ts';
import { typedQuery, type AzureConfig } from '../schema.ts';
import { named, type Corner, type Watched } from '../watched.ts';
import { askBatch, batchCost } from './ask.ts';
import type { PlacedQuery } from './calls.ts';

/** Azure Monitor as a metrics service, for the places of one look. */
export function azureMonitor(
  config: Pick<AzureConfig, 'subscriptions'>,
  reader: AzureReader,
  watched: readonly Watched[],
): MetricsService<PlacedQuery, Corner> {
  return {
    name: 'Azure Monitor',
    check: 'the name, the namespace, the dimensions and the region',
    locate: ({ binding, service }) => {
      const parsed = typedQuery.parse(binding.query);
      if (!parsed.ok) return { unreadable: 'the query is not readable' };
      // What a resource says of itself costs nothing and is read elsewhere.
      if ('state' in parsed.value) return undefined;
      const query = parsed.value;
      const home = watched.find((one) => one.service === service)?.place;
      const resource = query.resource ?? (home && azureResourcePath(home));
      const region = query.region ?? home?.region;
      const subscription = query.subscription ?? home?.subscription;
      const isOnly = config.subscriptions.length === 1;
      if (resource === undefined || region === undefined || (subscription === undefined && !isOnly))
        return {
          unreadable: 'neither the signal nor its service says of which resource, region and subscription it is',
        };
      const where = { ...(isOnly ? {} : named(subscription)), region };
      return { query: { ...query, resource, namespace: query.namespace ?? namespaceOf(resource) }, where };
    },
    group: ({ namespace, period }, { subscription = '', region }) =>
      `${subscription}/${region} ${namespace.toLowerCase()} ${period}`,
    weigh: () => 1,
    // A thousand signals are put together into as few calls as fifty resources each allow.
    perCall: 1_000,
    cost: batchCost,
    ask: (batch, signal) => askBatch(config, reader, batch, signal),
  };
}

function namespaceOf(resource: string): string {
  const [, provider = '', rest = ''] = /\/providers\/([^/]+)\/(.+)$/.exec(resource) ?? [];
  return [provider, ...rest.split('/').filter((_word, index) => index % 2 === 0)].join('/');
}
