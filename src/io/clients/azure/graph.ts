import * as z from 'zod';

import type { AzureReader, AzureSubscription } from '../../../domain/ports/azure.ts';
import { limits } from '../../../lib/limits.ts';

const page = z.object({
  data: z.array(z.record(z.string(), z.unknown())).default([]),
  $skipToken: z.string().nullish(),
  resultTruncated: z.string().nullish(),
});

/** Rows of a query of Resource Graph over all subscriptions. */
export interface GraphRows {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** There is more than was read, or than Azure gives. */
  readonly truncated: boolean;
}

/** Asks Resource Graph, all pages. The query must order its rows: pages are cut out of the order. */
export async function graphRows(
  config: { readonly subscriptions: readonly AzureSubscription[] },
  reader: AzureReader,
  query: string,
  signal: AbortSignal,
): Promise<GraphRows> {
  const rows: Readonly<Record<string, unknown>>[] = [];
  const [first] = config.subscriptions;
  const subscription = config.subscriptions.length > 1 && first !== undefined ? { subscription: first.name } : {};
  let skip: string | undefined;
  for (let pages = 0; pages < limits.azurePages; pages++) {
    const body = {
      ...{ subscriptions: config.subscriptions.map(({ id }) => id), query },
      options: { resultFormat: 'objectArray', $top: 1_000, ...(skip === undefined ? {} : { $skipToken: skip }) },
    };
    const parsed = page.parse(await reader.ask({ operation: 'graph.query', ...subscription, body }, signal));
    rows.push(...parsed.data);
    skip = parsed.$skipToken ?? undefined;
    if (skip === undefined) return { rows, truncated: parsed.resultTruncated === 'true' };
  }
  return { rows, truncated: true };
}
