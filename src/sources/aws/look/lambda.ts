import * as z from 'zod';

import type { AwsReader } from '../../../domain/ports/aws.ts';
import { faultOfError, type ReadFault } from '../../../io/clients/http-reader.ts';
import type { Watched } from '../watched.ts';

/** A Lambda function as its callers reach it. */
export interface LambdaState {
  /** What the alias points to, or the hash of the code where there is no alias. */
  readonly version: string;
  /** Versions that get a part of the calls: `{'7': 0.1}`. */
  readonly canary: Readonly<Record<string, number>>;
  /** When the code was last changed; not known for an alias, which does not say when it was pointed. */
  readonly changedMs?: number;
}

/** The answer to GetAlias, as far as it is used. */
export const aliasAnswer = z.object({
  AliasArn: z.string().default(''),
  FunctionVersion: z.string(),
  RevisionId: z.string().default(''),
  RoutingConfig: z.object({ AdditionalVersionWeights: z.record(z.string(), z.number()).nullish() }).nullish(),
});
const configuration = z.object({ CodeSha256: z.string().default(''), LastModified: z.string().default('') });

/** What a look at Lambda gave. */
export interface LambdaLook {
  readonly states: ReadonlyMap<Watched, LambdaState>;
  readonly faults: ReadonlyMap<Watched, ReadFault>;
}

/** Looks at every function among the places. */
export async function lookAtLambda(
  watched: readonly Watched[],
  reader: AwsReader,
  signal: AbortSignal,
): Promise<LambdaLook> {
  const states = new Map<Watched, LambdaState>();
  const faults = new Map<Watched, ReadFault>();
  await Promise.all(
    watched.map(async (one) => {
      if (one.place.resource.is !== 'lambda') return;
      try {
        const state = await stateOf(one, reader, signal);
        if (state !== undefined) states.set(one, state);
        else faults.set(one, { reason: 'malformed', message: 'Lambda answered what is not what it answers' });
      } catch (thrown) {
        faults.set(one, faultOfError(thrown));
      }
    }),
  );
  return { states, faults };
}

async function stateOf({ place }: Watched, reader: AwsReader, signal: AbortSignal): Promise<LambdaState | undefined> {
  const { resource, region, account } = place;
  if (resource.is !== 'lambda') return undefined;
  const corner = { region, ...(account === undefined ? {} : { account }), service: 'lambda' } as const;
  if (resource.alias !== undefined) {
    const input = { FunctionName: resource.function, Name: resource.alias };
    const parsed = aliasAnswer.safeParse(await reader.ask({ ...corner, operation: 'GetAlias', input }, signal));
    if (!parsed.success) return undefined;
    const { FunctionVersion: version, RoutingConfig: routing } = parsed.data;
    return { version, canary: routing?.AdditionalVersionWeights ?? {} };
  }
  const input = { FunctionName: resource.function };
  const answer = await reader.ask({ ...corner, operation: 'GetFunctionConfiguration', input }, signal);
  const parsed = configuration.safeParse(answer);
  if (!parsed.success) return undefined;
  const changedMs = Date.parse(parsed.data.LastModified);
  return {
    version: parsed.data.CodeSha256.slice(0, 12),
    canary: {},
    ...(Number.isFinite(changedMs) ? { changedMs } : {}),
  };
}
