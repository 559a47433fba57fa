import type { AwsReader } from '../../../domain/ports/aws.ts';
import type { MetricsService } from '../../../io/clients/cloud/sweep.ts';
import { typedQuery, type AwsConfig, type CloudWatchQuery } from '../schema.ts';
import { cornerFor, cornerName, type Corner, type Watched } from '../watched.ts';
import { askBatch, batchCost } from './ask.ts';
import { queriesPerCall, weightOf } from './queries.ts';

/** CloudWatch as a metrics service, for the places of one look. */
export function cloudWatch(
  config: Pick<AwsConfig, 'accounts' | 'regions'>,
  reader: AwsReader,
  watched: readonly Watched[],
): MetricsService<CloudWatchQuery, Corner> {
  return {
    name: 'CloudWatch',
    check: 'namespace, name, dimensions and region',
    locate: ({ binding, service }) => {
      const parsed = typedQuery.parse(binding.query);
      if (!parsed.ok) return { unreadable: 'the query is not readable' };
      // What a service says of itself costs nothing and is read elsewhere.
      if ('state' in parsed.value) return undefined;
      const where = cornerFor(parsed.value, service, watched, config);
      if (where !== undefined) return { query: parsed.value, where };
      return { unreadable: 'neither the signal nor its service says in which region and account it is' };
    },
    group: (_query, where) => cornerName(where),
    weigh: weightOf,
    perCall: queriesPerCall,
    cost: batchCost,
    ask: (batch, signal) => askBatch(reader, batch, signal),
  };
}
