import type { JsonObject } from '../../lib/json.ts';
import { selects } from '../../lib/selector.ts';
import type { ActionKind } from '../../domain/ports/action.ts';
import type { AwsStatement } from '../../domain/ports/aws.ts';
import type { Service } from '../../domain/service.ts';
import { operatorStatement, type ActingConnection } from '../../io/clients/aws/index.ts';
import type { Runbook } from '../../runbooks/index.ts';

/** A policy for one role: whose it is, and the document as IAM takes it. */
export interface AwsPolicy {
  readonly role: string;
  readonly policy: JsonObject;
}

/** The least that the roles of `operators.aws` need for the runbooks in force, on the resources of declared services. */
export function awsOperatorPolicies(
  connections: readonly ActingConnection[],
  { runbooks, services, actions }: AwsActs,
): readonly AwsPolicy[] {
  return connections.flatMap((connection) =>
    connection.accounts.map((account) => {
      const statements = runbooks.flatMap((runbook) =>
        services
          .filter((service) => selects(runbook.services, service) && isIn(service, connection, account.name))
          .flatMap((service) =>
            runbook.steps.flatMap(({ action, written }) => needsOf(actions[action], service, written)),
          ),
      );
      return {
        role: account.roleArn,
        policy: document(statements.map((one) => operatorStatement(one, account.roleArn))),
      };
    }),
  );
}

/** What acts, and on what. */
export interface AwsActs {
  readonly runbooks: readonly Runbook[];
  readonly services: readonly Service[];
  readonly actions: Readonly<Record<string, ActionKind>>;
}

/** Statements as one policy: the same resources under the same condition together, everything in order, so that the same needs print the same. */
export function document(statements: readonly AwsStatement[]): JsonObject {
  const byResources = new Map<string, Omit<AwsStatement, 'actions'> & { readonly actions: Set<string> }>();
  for (const { actions, resources, condition } of statements) {
    const sorted = [...resources].sort();
    const key = [...sorted, ...(condition === undefined ? [] : [JSON.stringify(condition)])].join(' ');
    const when = condition === undefined ? {} : { condition };
    const known = byResources.get(key) ?? { resources: sorted, ...when, actions: new Set<string>() };
    for (const action of actions) known.actions.add(action);
    byResources.set(key, known);
  }
  return {
    Version: '2012-10-17',
    Statement: [...byResources]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, { resources, actions, condition }]) => ({
        Effect: 'Allow',
        Action: [...actions].sort(),
        Resource: [...resources],
        ...(condition === undefined ? {} : { Condition: condition }),
      })),
  };
}

function isIn(service: Service, { source, accounts }: ActingConnection, account: string): boolean {
  return service.runsOn.some(
    (place) =>
      place.on === 'aws' &&
      place.aws.source === source &&
      (place.aws.account === account || (place.aws.account === undefined && accounts.length === 1)),
  );
}

// A runbook may be for services that are no such resource: there the action does nothing, and needs nothing.
function needsOf(kind: ActionKind | undefined, service: Service, written: JsonObject): readonly AwsStatement[] {
  try {
    const access = kind?.awsAccess?.(service, written);
    return access === undefined ? [] : [...access.look, ...access.act];
  } catch {
    return [];
  }
}
