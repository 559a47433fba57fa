import * as z from 'zod';

import { schemaOf } from '../../lib/schema.ts';
import type { AwsAccess } from '../../domain/ports/action.ts';
import type { PlaceOf } from './place.ts';
import { swapAction, type Reach, type SwapLook } from './swap.ts';

const version = z.string().regex(/^\d{1,9}$/, 'must be the number of a version');
const params = z.strictObject({
  /** The version to go back to. Default: the highest below the one that the alias points to. */
  toVersion: version.exactOptional(),
  /** The one that is blamed, or what a canary made of it (`6+7@10%`). When the alias points elsewhere by now, nothing is done. */
  from: z.string().min(1).max(100).exactOptional(),
});
type Params = z.infer<typeof params>;

/** Points the alias of a Lambda function back to an earlier version, canary weights included. */
export const lambdaAliasRollback = swapAction<Params, 'lambda'>({
  kind: 'aws.lambda-alias-rollback',
  summary: 'Point the alias of a Lambda function back to an earlier version',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  is: 'lambda',
  setting: 'version',
  access: lambdaAccess,
  look,
  read: async (reach) => {
    const { value, token } = await readAlias(reach);
    return { value, token };
  },
  write: async ({ place, session, context }, to, { token }) => {
    const { function: name, alias = '' } = place.resource;
    const { version: base, weights } = parsed(to);
    const input = {
      ...{ FunctionName: name, Name: alias, FunctionVersion: base },
      RoutingConfig: { AdditionalVersionWeights: weights },
      // AWS refuses it when the alias was changed since it was read.
      ...(token === undefined || token === '' ? {} : { RevisionId: token }),
    };
    await session.ask({ service: 'lambda', operation: 'UpdateAlias', input }, context.signal);
  },
});

function lambdaAccess({ region, resource }: PlaceOf<'lambda'>): AwsAccess {
  const arn = `arn:{partition}:lambda:${region}:{account}:function:${resource.function}`;
  return {
    look: [{ actions: ['lambda:GetAlias', 'lambda:ListVersionsByFunction'], resources: [arn] }],
    act: [{ actions: ['lambda:UpdateAlias'], resources: [arn] }],
  };
}

async function look(given: Params, reach: Reach<'lambda'>): Promise<SwapLook> {
  const { function: name, alias } = reach.place.resource;
  const blast = {
    touched: 1,
    total: 1,
    healthyAfter: 1,
    healthyNow: 1,
    targets: [`${name}:${alias ?? ''}`],
    dependents: [],
  };
  if (alias === undefined) {
    const refused = `${name} is called without an alias: there is no version to go back to`;
    return { now: { value: '' }, to: { refused }, facts: { versions: 0 }, blast };
  }
  const { value, token } = await readAlias(reach);
  const versions = await versionsOf(name, reach);
  const current = Number(parsed(value).version);
  const to = given.toVersion ?? versions.filter((one) => one < current).map(String)[0];
  const base = {
    now: { value, token },
    facts: { version: value, versions: versions.length, candidates: [...versions] },
    blast,
  };
  if (given.from !== undefined && given.from !== value)
    return { ...base, to: { refused: `${given.from} is blamed, and ${name}:${alias} points to ${value} by now` } };
  if (to === undefined) return { ...base, to: { refused: `there is no version before ${value}` } };
  if (!versions.includes(Number(to))) return { ...base, to: { refused: `version ${to} of ${name} is gone` } };
  return { ...base, to };
}

const aliasAnswer = z.object({
  FunctionVersion: z.string(),
  RevisionId: z.string().default(''),
  RoutingConfig: z.object({ AdditionalVersionWeights: z.record(z.string(), z.number()).nullish() }).nullish(),
});

async function readAlias({
  place,
  session,
  context,
}: Reach<'lambda'>): Promise<{ readonly value: string; readonly token: string }> {
  const { function: name, alias = '' } = place.resource;
  const input = { FunctionName: name, Name: alias };
  const answer = await session.ask({ service: 'lambda', operation: 'GetAlias', input }, context.signal);
  const { FunctionVersion, RevisionId, RoutingConfig } = aliasAnswer.parse(answer);
  const canary = Object.entries(RoutingConfig?.AdditionalVersionWeights ?? {});
  // As the source writes it, so that a change's words can be given as parameters.
  const value = `${FunctionVersion}${canary.map(([other, weight]) => `+${other}@${Math.round(weight * 100)}%`).join('')}`;
  return { value, token: RevisionId };
}

function parsed(value: string): { readonly version: string; readonly weights: Readonly<Record<string, number>> } {
  const [base = '', ...canary] = value.split('+');
  const pairs = canary.map((one): [string, number] => {
    const [other = '', percent = '0'] = one.split('@');
    return [other, Number(percent.replace('%', '')) / 100];
  });
  return { version: base, weights: Object.fromEntries(pairs) };
}

const versionsAnswer = z.object({
  Versions: z.array(z.object({ Version: z.string() })).default([]),
  NextMarker: z.string().nullish(),
});

// Published versions, the highest first. `$LATEST` is not one: it is whatever was uploaded last.
async function versionsOf(name: string, { session, context }: Reach<'lambda'>): Promise<readonly number[]> {
  const found: number[] = [];
  let marker: string | undefined;
  for (let pages = 0; pages < 20; pages++) {
    const input = { FunctionName: name, MaxItems: 50, ...(marker === undefined ? {} : { Marker: marker }) };
    const answer = await session.ask({ service: 'lambda', operation: 'ListVersionsByFunction', input }, context.signal);
    const { Versions, NextMarker } = versionsAnswer.parse(answer);
    found.push(...Versions.map(({ Version }) => Number(Version)).filter((one) => Number.isInteger(one)));
    marker = NextMarker ?? undefined;
    if (marker === undefined) break;
  }
  return found.sort((a, b) => b - a);
}
