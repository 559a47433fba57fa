import type { IncomingMessage, ServerResponse } from 'node:http';

import type { AwsHand } from '../peers/moto.ts';
import { serve } from '../peers/peers.ts';

/** A session that was minted, and with what policy. */
export interface Minted {
  readonly role: string;
  readonly name: string;
  readonly policy: string | undefined;
  readonly key: string;
}

/** A call that came with a minted session. */
export interface Called {
  readonly session: string;
  readonly action: string;
  readonly resource: string;
  readonly allowed: boolean;
}

/** What stands before moto: it keeps session policies, which moto does not, and writes CloudTrail, which moto has not. */
export interface AwsFront {
  readonly url: string;
  readonly minted: readonly Minted[];
  readonly called: readonly Called[];
  close(): Promise<void>;
}

/** The account that moto plays. */
export const accountId = '123456789012';

/** Starts it. Policies are judged by moto's own evaluator of IAM policies, in the process of `hand`. */
export async function startAwsFront(moto: string, hand: AwsHand, rolePolicy?: () => string): Promise<AwsFront> {
  const minted: Minted[] = [];
  const called: Called[] = [];
  const trail: object[] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request);
    const asked = askedOf(request, body);
    const session = minted.find(({ key }) => key === asked.key);
    if (session?.policy !== undefined) {
      const resource = asked.resources.join(' ');
      const passes = await passedRoles(hand, asked, body);
      const allowed =
        (await isAllowed(hand, session.policy, asked)) &&
        (await isAllowed(hand, session.policy, { action: 'iam:PassRole', resources: passes }, toTasks));
      called.push({ session: session.name, action: asked.action, resource, allowed });
      if (!allowed) {
        const message = `${session.name} is not authorized to perform: ${asked.action} on resource: ${resource}`;
        respond(response, 403, { __type: 'AccessDeniedException', message, Message: message });
        return;
      }
    }
    if (asked.action === 'cloudtrail:LookupEvents') {
      respond(response, 200, { Events: [...trail].reverse() });
      return;
    }
    if (asked.action === 'iam:SimulatePrincipalPolicy' && rolePolicy !== undefined) {
      response.writeHead(200, { 'content-type': 'text/xml' });
      response.end(await simulated(hand, rolePolicy(), new URLSearchParams(body.toString())));
      return;
    }
    if (asked.action === 'autoscaling:DescribeInstanceRefreshes') {
      response.writeHead(200, { 'content-type': 'text/xml' });
      response.end(noRefreshes);
      return;
    }
    const answer = await fetch(`${moto}${request.url ?? ''}`, {
      method: request.method ?? 'GET',
      headers: Object.entries(request.headers).flatMap(([name, value]) =>
        value === undefined || hopByHop.has(name) ? [] : [[name, String(value)] as [string, string]],
      ),
      ...(body.length === 0 ? {} : { body }),
    });
    const said = Buffer.from(await answer.arrayBuffer());
    if (asked.action === 'sts:AssumeRole' && answer.ok) minted.push(mintedBy(body, said.toString()));
    if (writes.has(asked.action) && answer.ok) trail.push(eventOf(asked, body, session));
    response.writeHead(answer.status, {
      'content-type': answer.headers.get('content-type') ?? 'application/json',
      ...passed(answer.headers),
    });
    response.end(said);
  };
  const server = await serve((request, response) => {
    handle(request, response).catch((thrown: unknown) => respond(response, 500, { message: String(thrown) }));
  });
  return { url: server.url, minted, called, close: () => server.close() };
}

// moto simulates no policies, but judges them: as IAM's reference shows the answer.
async function simulated(hand: AwsHand, policy: string, form: URLSearchParams): Promise<string> {
  const of = (list: string): string[] =>
    [...form].flatMap(([key, value]) => (key.startsWith(`${list}.`) ? [value] : []));
  const results: string[] = [];
  const given = Object.fromEntries(
    [...form].flatMap(([key, name]) =>
      key.endsWith('.ContextKeyName')
        ? [[name, form.get(key.replace('ContextKeyName', 'ContextKeyValues.member.1')) ?? ''] as const]
        : [],
    ),
  );
  for (const action of of('ActionNames'))
    for (const resource of of('ResourceArns')) {
      const decision = (await isAllowed(hand, policy, { action, resources: [resource] }, given))
        ? 'allowed'
        : 'implicitDeny';
      results.push(
        `<member><EvalActionName>${action}</EvalActionName><EvalResourceName>${resource}</EvalResourceName>` +
          `<EvalDecision>${decision}</EvalDecision></member>`,
      );
    }
  return (
    '<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><SimulatePrincipalPolicyResult>' +
    `<IsTruncated>false</IsTruncated><EvaluationResults>${results.join('')}</EvaluationResults>` +
    '</SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>'
  );
}

// moto knows no instance refreshes at all: here there never was one.
const noRefreshes =
  '<DescribeInstanceRefreshesResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/">' +
  '<DescribeInstanceRefreshesResult><InstanceRefreshes/></DescribeInstanceRefreshesResult>' +
  '</DescribeInstanceRefreshesResponse>';

// As IAM has it: the call must be allowed on each resource that it is about.
async function isAllowed(
  hand: AwsHand,
  policy: string,
  { action, resources }: Pick<Asked, 'action' | 'resources'>,
  given: Given = {},
): Promise<boolean> {
  const holding = underConditions(policy, given);
  for (const resource of resources) {
    const { answer } = await hand.ask('iam-policy', 'judge', { policy: holding, action, resource });
    if (answer !== 'PERMITTED') return false;
  }
  return true;
}

type Given = Readonly<Record<string, string>>;
const toTasks: Given = { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' };

/** A policy without the statements whose conditions do not hold: moto's evaluator knows no conditions. */
export function underConditions(policy: string, given: Given): string {
  const parsed = JSON.parse(policy) as { Statement: { Condition?: { StringEquals: Given } }[] };
  const holds = ({ Condition }: (typeof parsed.Statement)[number]): boolean =>
    Object.entries(Condition?.StringEquals ?? {}).every(([key, value]) => given[key] === value);
  return JSON.stringify({ ...parsed, Statement: parsed.Statement.filter(holds) });
}

// ECS asks of whoever sets a task definition that he may pass its roles.
async function passedRoles(hand: AwsHand, { action }: Asked, body: Buffer): Promise<readonly string[]> {
  if (action !== 'ecs:UpdateService') return [];
  const { taskDefinition: name } = JSON.parse(body.toString()) as { taskDefinition?: string };
  if (name === undefined) return [];
  const { taskDefinition } = await hand.ask('ecs', 'describe_task_definition', { taskDefinition: name });
  const { taskRoleArn, executionRoleArn } = taskDefinition as { taskRoleArn?: string; executionRoleArn?: string };
  return [taskRoleArn, executionRoleArn].filter((one) => one !== undefined);
}

const hopByHop = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'expect']);
const writes = new Set(['ecs:UpdateService', 'lambda:UpdateAlias']);

interface Asked {
  readonly key: string;
  readonly action: string;
  /** Each must be allowed. */
  readonly resources: readonly string[];
  readonly names: Readonly<Record<string, string>>;
}

function askedOf(request: IncomingMessage, body: Buffer): Asked {
  const scope = /Credential=([^/]+)\/\d+\/([^/]+)\/([^/]+)\//.exec(request.headers.authorization ?? '');
  const [, key = '', region = '', service = ''] = scope ?? [];
  const target = String(request.headers['x-amz-target'] ?? '').split('.')[1];
  if (service === 'ecs' && target !== undefined) {
    const { cluster = '', service: one, services } = JSON.parse(body.toString()) as EcsInput;
    const name = one ?? services?.[0];
    const resource = name === undefined ? '*' : `arn:aws:ecs:${region}:${accountId}:service/${cluster}/${name}`;
    return { key, action: `ecs:${target}`, resources: [resource], names: { cluster, service: name ?? '' } };
  }
  const lambda = /^\/2015-03-31\/functions\/([^/?]+)\/(aliases|versions)/.exec(request.url ?? '');
  if (service === 'lambda' && lambda !== null) {
    const [, name = '', what] = lambda;
    const verb = request.method === 'PUT' ? 'UpdateAlias' : what === 'aliases' ? 'GetAlias' : 'ListVersionsByFunction';
    const resource = `arn:aws:lambda:${region}:${accountId}:function:${name}`;
    return { key, action: `lambda:${verb}`, resources: [resource], names: { functionName: name } };
  }
  const form = new URLSearchParams(body.toString('latin1'));
  const action = `${service}:${target ?? form.get('Action') ?? '?'}`;
  const given = target === undefined ? Object.fromEntries(form) : (JSON.parse(body.toString()) as object);
  return { key, action, resources: resourcesOf(action, region, given as Input), names: {} };
}

type Input = Readonly<Record<string, string | readonly string[] | undefined>>;

// The ARNs that IAM holds a call against, for those that know a resource (service authorization reference).
function resourcesOf(action: string, region: string, given: Input): readonly string[] {
  const of = (service: string, what: string): string => `arn:aws:${service}:${region}:${accountId}:${what}`;
  const one = (name: string): string => String(given[name] ?? '?');
  switch (action) {
    case 'autoscaling:SetDesiredCapacity':
      return [of('autoscaling', `autoScalingGroup:0-0:autoScalingGroupName/${one('AutoScalingGroupName')}`)];
    case 'codedeploy:CreateDeployment':
    case 'codedeploy:ListDeployments':
      return [of('codedeploy', `deploymentgroup:${one('applicationName')}/${one('deploymentGroupName')}`)];
    case 'codedeploy:BatchGetDeployments':
      return [of('codedeploy', 'deploymentgroup:shop/web')];
    case 'ec2:RebootInstances':
      return [of('ec2', `instance/${one('InstanceId.1')}`)];
    case 'rds:DescribeDBClusters':
    case 'rds:FailoverDBCluster':
      return [of('rds', `cluster:${one('DBClusterIdentifier')}`)];
    case 'iam:SimulatePrincipalPolicy':
      return [one('PolicySourceArn')];
    case 'rds:DescribeDBInstances':
      return [of('rds', 'db:*')];
    case 'ssm:DescribeDocument':
      return [of('ssm', `document/${one('Name')}`)];
    case 'ssm:SendCommand':
      return [of('ssm', `document/${one('DocumentName')}`), of('ec2', `instance/${one('InstanceIds')}`)];
    default:
      return ['*'];
  }
}

interface EcsInput {
  readonly cluster?: string;
  readonly service?: string;
  readonly services?: readonly string[];
}

function mintedBy(body: Buffer, answer: string): Minted {
  const form = new URLSearchParams(body.toString());
  return {
    role: form.get('RoleArn') ?? '',
    name: form.get('RoleSessionName') ?? '',
    policy: form.get('Policy') ?? undefined,
    key: /<AccessKeyId>([^<]+)</.exec(answer)?.[1] ?? '',
  };
}

// As CloudTrail's reference shows a record, less what nobody reads here.
function eventOf({ action, names }: Asked, body: Buffer, session: Minted | undefined): object {
  const [service = '', name = ''] = action.split(':');
  const arn =
    session === undefined
      ? `arn:aws:iam::${accountId}:user/ana`
      : `arn:aws:sts::${accountId}:assumed-role/${session.role.split('/').at(-1) ?? ''}/${session.name}`;
  const userIdentity = session === undefined ? { type: 'IAMUser', arn, userName: 'ana' } : { type: 'AssumedRole', arn };
  const eventName = service === 'lambda' ? `${name}20150331` : name;
  const requestParameters: unknown = { ...(JSON.parse(body.toString()) as object), ...names };
  return {
    ...{
      EventId: crypto.randomUUID(),
      EventName: eventName,
      EventSource: `${service}.amazonaws.com`,
      ReadOnly: 'false',
    },
    ...{ EventTime: Date.now() / 1_000, Username: arn.split('/').at(-1), Resources: [] },
    CloudTrailEvent: JSON.stringify({
      eventVersion: '1.09',
      userIdentity,
      eventName,
      readOnly: false,
      requestParameters,
    }),
  };
}

function passed(headers: Headers): Readonly<Record<string, string>> {
  return Object.fromEntries([...headers].filter(([name]) => name.startsWith('x-amzn') || name === 'smithy-protocol'));
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function respond(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
  response.end(JSON.stringify(body));
}
