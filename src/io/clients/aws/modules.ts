import { WatchkeeperError } from '../../../lib/errors.ts';
import type { AwsServiceName } from '../../../domain/ports/aws.ts';

/** What one client of the SDK is, as far as it is used here. */
export interface SdkClient {
  send(command: object, options: { readonly abortSignal: AbortSignal }): Promise<object>;
  destroy(): void;
}

interface SdkService {
  readonly load: () => Promise<object>;
  readonly client: string;
  /** How IAM calls it in actions: `tag:GetResources`. */
  readonly iam: string;
  /** Operations that change nothing: all that a reader may ask. */
  readonly reads: readonly string[];
  /** Operations of the hands. */
  readonly writes: readonly string[];
}

/** Every service that is spoken to, and every operation. A package is imported at the first call of its service. */
export const sdkServices: Readonly<Record<AwsServiceName, SdkService>> = {
  applicationautoscaling: {
    load: () => import('@aws-sdk/client-application-auto-scaling'),
    client: 'ApplicationAutoScalingClient',
    iam: 'application-autoscaling',
    reads: ['DescribeScalableTargets'],
    writes: [],
  },
  autoscaling: {
    load: () => import('@aws-sdk/client-auto-scaling'),
    client: 'AutoScalingClient',
    iam: 'autoscaling',
    reads: ['DescribeAutoScalingGroups', 'DescribeScalingActivities', 'DescribeInstanceRefreshes', 'DescribePolicies'],
    writes: ['SetDesiredCapacity', 'StartInstanceRefresh', 'CancelInstanceRefresh'],
  },
  cloudformation: {
    load: () => import('@aws-sdk/client-cloudformation'),
    client: 'CloudFormationClient',
    iam: 'cloudformation',
    reads: ['DescribeStacks', 'DescribeStackResources', 'DescribeStackEvents'],
    writes: [],
  },
  cloudtrail: {
    load: () => import('@aws-sdk/client-cloudtrail'),
    client: 'CloudTrailClient',
    iam: 'cloudtrail',
    reads: ['LookupEvents'],
    writes: [],
  },
  cloudwatch: {
    load: () => import('@aws-sdk/client-cloudwatch'),
    client: 'CloudWatchClient',
    iam: 'cloudwatch',
    reads: ['GetMetricData', 'DescribeAlarms', 'ListMetrics'],
    writes: [],
  },
  codedeploy: {
    load: () => import('@aws-sdk/client-codedeploy'),
    client: 'CodeDeployClient',
    iam: 'codedeploy',
    reads: ['ListDeployments', 'BatchGetDeployments'],
    writes: ['CreateDeployment'],
  },
  ec2: {
    load: () => import('@aws-sdk/client-ec2'),
    client: 'EC2Client',
    iam: 'ec2',
    reads: ['DescribeInstances', 'DescribeInstanceStatus'],
    writes: ['RebootInstances'],
  },
  ecs: {
    load: () => import('@aws-sdk/client-ecs'),
    client: 'ECSClient',
    iam: 'ecs',
    reads: ['DescribeServices', 'DescribeTaskDefinition', 'ListTaskDefinitions', 'ListServices', 'ListClusters'],
    writes: ['UpdateService'],
  },
  iam: {
    load: () => import('@aws-sdk/client-iam'),
    client: 'IAMClient',
    iam: 'iam',
    reads: ['SimulatePrincipalPolicy'],
    writes: [],
  },
  lambda: {
    load: () => import('@aws-sdk/client-lambda'),
    client: 'LambdaClient',
    iam: 'lambda',
    reads: ['GetAlias', 'ListVersionsByFunction', 'ListAliases', 'GetFunctionConfiguration'],
    writes: ['UpdateAlias'],
  },
  logs: {
    load: () => import('@aws-sdk/client-cloudwatch-logs'),
    client: 'CloudWatchLogsClient',
    iam: 'logs',
    reads: ['FilterLogEvents', 'StartQuery', 'GetQueryResults', 'StopQuery'],
    writes: [],
  },
  rds: {
    load: () => import('@aws-sdk/client-rds'),
    client: 'RDSClient',
    iam: 'rds',
    reads: ['DescribeDBInstances', 'DescribeDBClusters', 'DescribeEvents'],
    writes: ['FailoverDBCluster', 'RebootDBInstance'],
  },
  ssm: {
    load: () => import('@aws-sdk/client-ssm'),
    client: 'SSMClient',
    iam: 'ssm',
    reads: ['DescribeDocument', 'GetCommandInvocation', 'ListCommands'],
    writes: ['SendCommand'],
  },
  sts: {
    load: () => import('@aws-sdk/client-sts'),
    client: 'STSClient',
    iam: 'sts',
    reads: ['GetCallerIdentity'],
    writes: ['AssumeRole'],
  },
  tagging: {
    load: () => import('@aws-sdk/client-resource-groups-tagging-api'),
    client: 'ResourceGroupsTaggingAPIClient',
    iam: 'tag',
    reads: ['GetResources'],
    writes: [],
  },
  xray: {
    load: () => import('@aws-sdk/client-xray'),
    client: 'XRayClient',
    iam: 'xray',
    reads: ['GetTraceSummaries', 'BatchGetTraces'],
    writes: [],
  },
};

/** Whether an operation is one of those that change nothing. */
export function isRead(service: AwsServiceName, operation: string): boolean {
  return sdkServices[service].reads.includes(operation);
}

/** Makes a client of a service; the package is imported now, if it was not before. */
export async function makeClient(service: AwsServiceName, options: object): Promise<SdkClient> {
  const { load, client } = sdkServices[service];
  return construct(await load(), client, options) as SdkClient;
}

/** Makes a command of a service. @throws `unsupported` for an operation that is not in the table. */
export async function makeCommand(service: AwsServiceName, operation: string, input: object): Promise<object> {
  const { load, reads, writes } = sdkServices[service];
  if (!reads.includes(operation) && !writes.includes(operation))
    throw new WatchkeeperError('unsupported', `${service} ${operation} is not among the calls that are made`);
  return construct(await load(), `${operation}Command`, input);
}

function construct(module: object, name: string, argument: object): object {
  const made = (module as Readonly<Record<string, (new (argument: object) => object) | undefined>>)[name];
  if (made === undefined) throw new WatchkeeperError('internal', `the SDK has no ${name}`);
  return new made(argument);
}
