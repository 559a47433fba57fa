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

/**
 * Asks Resource Graph, all pages, in each tenant on its own: a token sees only its tenant's subscriptions. The query must
 * order its rows: pages are cut out of the order.
 */
export async function graphRows(
  { subscriptions }: { readonly subscriptions: readonly AzureSubscription[] },
  reader: AzureReader,
  query: string,
  signal: AbortSignal,
): Promise<GraphRows> {
  const tenants = Map.groupBy(subscriptions, ({ tenantId = '' }) => tenantId.toLowerCase());
  const all = await Promise.all(
    [...tenants.values()].map((own) => {
      const [first] = own;
      const asked = subscriptions.length > 1 && first !== undefined ? { subscription: first.name } : {};
      return rowsOf({ ...asked, ids: own.map(({ id }) => id) }, reader, query, signal);
    }),
  );
  return { rows: all.flatMap(({ rows }) => rows), truncated: all.some(({ truncated }) => truncated) };
}

/** The subscription as which what is a tenant's is asked, a workspace for one: the first of the same tenant. */
export function tenantOf(subscriptions: readonly AzureSubscription[], name: string | undefined): string | undefined {
  const [first] = subscriptions;
  if (subscriptions.length < 2) return undefined;
  const said = name === undefined ? first : subscriptions.find((one) => one.name === name);
  // One that is not known is asked as it is: the refusal says so.
  return said === undefined ? name : subscriptions.find(({ tenantId }) => tenantId === said.tenantId)?.name;
}

async function rowsOf(
  { ids, ...subscription }: { readonly subscription?: string; readonly ids: readonly string[] },
  reader: AzureReader,
  query: string,
  signal: AbortSignal,
): Promise<GraphRows> {
  const rows: Readonly<Record<string, unknown>>[] = [];
  let skip: string | undefined;
  for (let pages = 0; pages < limits.azurePages; pages++) {
    const body = {
      ...{ subscriptions: [...ids], query },
      options: { resultFormat: 'objectArray', $top: 1_000, ...(skip === undefined ? {} : { $skipToken: skip }) },
    };
    const parsed = page.parse(await reader.ask({ operation: 'graph.query', ...subscription, body }, signal));
    rows.push(...parsed.data);
    skip = parsed.$skipToken ?? undefined;
    if (skip === undefined) return { rows, truncated: parsed.resultTruncated === 'true' };
  }
  return { rows, truncated: true };
}
