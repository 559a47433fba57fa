import * as z from 'zod';

import type { AzureCall, AzureReader } from '../../domain/ports/azure.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { oneLine } from '../../lib/text.ts';

/** One row of an answer of Azure Monitor Logs: the text of a column, empty where it has none. */
export type Row = (column: string) => string;

/** Rows, and what Azure says of them where they are a part of what there is. */
export interface Rows {
  readonly rows: readonly Row[];
  readonly partial?: string;
}

const answer = z.object({
  tables: z
    .array(
      z.object({
        columns: z.array(z.object({ name: z.string() })),
        rows: z.array(z.array(z.unknown())),
      }),
    )
    .default([]),
  error: z.object({ code: z.string().nullish(), message: z.string().nullish() }).nullish(),
});

/** What a query is asked with. */
export interface Question {
  readonly subscription: { readonly subscription?: string };
  readonly workspace: string;
  readonly kql: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/**
 * Asks a workspace. An answer may carry rows and an error at once: then they are a part. Throws as AzureReader.ask, and
 * `malformed` for what is no table.
 */
export async function askWorkspace(reader: AzureReader, asked: Question, signal: AbortSignal): Promise<Rows> {
  const { subscription, workspace, kql, fromMs, untilMs } = asked;
  // Beside the bounds in the query: without it a workspace looks through all that it keeps.
  const body = { query: kql, timespan: `${new Date(fromMs).toISOString()}/${new Date(untilMs).toISOString()}` };
  const call: AzureCall = { operation: 'logs.query', ...subscription, path: { workspace }, body };
  const parsed = answer.safeParse(await reader.ask(call, signal));
  if (!parsed.success)
    throw new WatchkeeperError('malformed', `what came of workspace ${workspace} is no table`, { cause: parsed.error });
  const { tables, error } = parsed.data;
  const [table] = tables;
  const places = new Map((table?.columns ?? []).map(({ name }, at) => [name, at]));
  const rows = (table?.rows ?? []).map((row): Row => {
    return (column) => {
      const at = places.get(column);
      const value = at === undefined ? undefined : row[at];
      return typeof value === 'string' ? value : value === null || value === undefined ? '' : JSON.stringify(value);
    };
  });
  if (!error) return { rows };
  return {
    rows,
    partial: `Azure Monitor Logs gave a part: ${oneLine(`${error.code ?? ''}: ${error.message ?? ''}`, 200)}`,
  };
}
