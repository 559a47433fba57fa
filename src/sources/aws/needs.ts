import type { AwsStatement } from '../../domain/ports/aws.ts';
import type { AwsConfig } from './schema.ts';

/** The least that the source needs to be allowed, by its configuration. Most of these reads know no narrower resource than `*`. */
export function readingStatements(config: AwsConfig): readonly AwsStatement[] {
  const actions = [
    ...['cloudwatch:GetMetricData', 'ecs:DescribeServices', 'ecs:DescribeTaskDefinition'],
    ...['lambda:GetAlias', 'lambda:GetFunctionConfiguration', 'logs:FilterLogEvents', 'sts:GetCallerIdentity'],
    ...['logs:StartQuery', 'logs:GetQueryResults', 'logs:StopQuery', 'xray:GetTraceSummaries', 'xray:BatchGetTraces'],
    ...['autoscaling:DescribeScalingActivities', 'cloudformation:DescribeStacks'],
    ...['codedeploy:ListDeployments', 'codedeploy:BatchGetDeployments'],
    ...(config.alarms ? ['cloudwatch:DescribeAlarms'] : []),
    ...(config.cloudtrail ? ['cloudtrail:LookupEvents'] : []),
    ...(config.discover ? ['tag:GetResources', 'autoscaling:DescribeAutoScalingGroups'] : []),
  ];
  return [{ actions: actions.sort(), resources: ['*'] }];
}
