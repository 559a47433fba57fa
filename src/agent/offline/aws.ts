import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import type { AwsOperators, AwsSession, AwsStatement } from '../../domain/ports/aws.ts';
import { actionKinds } from '../../actions/index.ts';
import { makeAwsHands, type Ambient } from '../../io/index.ts';
import { awsOperatorPolicies, type AwsPolicy } from '../access/index.ts';
import type { Config } from '../load/index.ts';
import type { Resources } from '../resources.ts';
import { listed } from './rights.ts';

/** How the role of one account fared. */
export interface AwsHandsReport {
  readonly what: 'operator';
  readonly id: string;
  readonly kind: 'aws';
  readonly ok: boolean;
  readonly message: string;
  readonly fix?: string;
}

type Connection = Config['operators']['aws'][number];

// Of much that no runbook could need: a role that may do any of these may do nearly anything. To pass roles to any service is
// asked about without naming one, so that a role which may pass them to ECS alone is not told.
const tooMuch = [
  ...['iam:CreateUser', 'iam:PassRole', 's3:GetObject', 'ec2:TerminateInstances', 'rds:DeleteDBInstance'],
  ...['ecs:DeleteService', 'lambda:UpdateFunctionCode', 'autoscaling:DeleteAutoScalingGroup'],
];
const needed = ['iam:SimulatePrincipalPolicy'];
// IAM answers some calls a second: what is left out is said.
const mostSets = 30;
const verdicts = z.object({
  EvaluationResults: z
    .array(z.object({ EvalActionName: z.string(), EvalDecision: z.string(), EvalResourceName: z.string().nullish() }))
    .default([]),
});

/**
 * Takes on the role of every account that may be acted in, with a session that may do nothing but ask, and asks IAM whether
 * the role may do what the runbooks in force need, and whether it may do what none could. Changes nothing; some calls that
 * cost nothing, one for each set of resources.
 */
export async function awsHandsReports(
  { operators, sources }: Pick<Config, 'operators' | 'sources'>,
  { runbooks, services }: Pick<Resources, 'runbooks' | 'services'>,
  ambient: Ambient,
  signal: AbortSignal,
  withinMs: number,
): Promise<readonly AwsHandsReport[]> {
  if (operators.aws.length === 0) return [];
  const hands = makeAwsHands(ambient, operators.aws);
  return Promise.all(
    operators.aws.flatMap((connection) =>
      connection.accounts.map(async ({ name, roleArn }): Promise<AwsHandsReport> => {
        const about = { what: 'operator', id: `${connection.source}/${name}`, kind: 'aws' } as const;
        const policies = awsOperatorPolicies([connection], { runbooks, services, actions: actionKinds });
        const wants = statementsOf(policies.filter(({ role }) => role === roleArn));
        const deadline = ambient.clock.deadline(withinMs, signal);
        try {
          const wish = { source: connection.source, account: name, region: regionOf(connection, sources) };
          return { ...about, ...(await compared(hands, wish, roleArn, wants, deadline.signal)) };
        } catch (thrown) {
          const { message, fix } = WatchkeeperError.from(thrown);
          return { ...about, ok: false, message, ...(fix === undefined ? {} : { fix }) };
        } finally {
          deadline.cancel();
        }
      }),
    ),
  );
}

async function compared(
  hands: AwsOperators,
  wish: { readonly source: string; readonly account: string; readonly region: string },
  roleArn: string,
  wants: readonly AwsStatement[],
  signal: AbortSignal,
): Promise<Pick<AwsHandsReport, 'ok' | 'message' | 'fix'>> {
  const session = await hands.session(
    { ...wish, name: 'check', allow: [{ actions: needed, resources: [roleArn] }] },
    signal,
  );
  try {
    const missing: string[] = [];
    let passesAll = true;
    for (const want of wants.slice(0, mostSets))
      for (const action of await refused(session, roleArn, want, signal))
        // Which roles are passed is known only from task definitions: a role that may pass those alone is the better one.
        if (action === 'iam:PassRole') passesAll = false;
        else missing.push(action);
    const not = new Set(await refused(session, roleArn, { actions: tooMuch, resources: ['*'] }, signal));
    const excess = tooMuch.filter((action) => !not.has(action));
    const parts = [
      ...(missing.length === 0 ? [] : [`may not ${listed(missing)}`]),
      ...(excess.length === 0 ? [] : [`may ${listed(excess)}, which no runbook needs`]),
    ];
    if (!passesAll)
      parts.push('may pass only some roles to ECS, or none (iam:PassRole): those of the task definitions are enough');
    if (wants.length > mostSets) parts.push(`${wants.length - mostSets} more sets of resources were not asked about`);
    const message = parts.length === 0 ? 'may do what the runbooks in force need' : parts.join('; ');
    const fix = '"watchkeeper permissions aws" prints the policies that are needed.';
    return { ok: missing.length === 0, message, ...(missing.length === 0 ? {} : { fix }) };
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    if (error.code !== 'forbidden' && error.code !== 'unsupported') throw error;
    // It can be acted with; what it may do is only not told.
    return {
      ok: true,
      message:
        'its role can be taken on; what that may do was not compared: it may not ask IAM (iam:SimulatePrincipalPolicy on itself)',
    };
  }
}

/** Those actions that the role may not do on some of the resources. */
async function refused(
  session: AwsSession,
  roleArn: string,
  { actions, resources, condition = {} }: AwsStatement,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const ContextEntries = Object.values(condition).flatMap((keys) =>
    Object.entries(keys).map(([ContextKeyName, value]) => ({
      ...{ ContextKeyName, ContextKeyValues: typeof value === 'string' ? [value] : value },
      ContextKeyType: 'string',
    })),
  );
  const input = {
    ...{ PolicySourceArn: roleArn, ActionNames: actions, ResourceArns: resources, MaxItems: 1_000 },
    ...(ContextEntries.length === 0 ? {} : { ContextEntries }),
  };
  const answer = await session.ask({ service: 'iam', operation: 'SimulatePrincipalPolicy', input }, signal);
  const { EvaluationResults: all } = verdicts.parse(answer);
  return actions.filter((action) =>
    all.some(({ EvalActionName, EvalDecision }) => EvalActionName === action && EvalDecision !== 'allowed'),
  );
}

function statementsOf(policies: readonly AwsPolicy[]): readonly AwsStatement[] {
  return policies.flatMap(({ policy }) =>
    (policy['Statement'] as unknown as readonly Written[]).map(({ Action, Resource, Condition }) => ({
      ...{ actions: Action, resources: Resource },
      ...(Condition === undefined ? {} : { condition: Condition }),
    })),
  );
}

interface Written {
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: NonNullable<AwsStatement['condition']>;
}

// A session is minted in a region; IAM is the same everywhere.
function regionOf({ source }: Connection, sources: Config['sources']): string {
  const block = sources.find(({ id }) => id === source)?.config;
  const regions = z.object({ regions: z.array(z.string()) }).safeParse(block).data?.regions ?? [];
  return regions[0] ?? 'us-east-1';
}
