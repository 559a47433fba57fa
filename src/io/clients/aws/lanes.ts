import type { AwsCall } from '../../../domain/ports/aws.ts';
import type { Lane } from '../cloud/pace.ts';

/**
 * Calls a second that AWS documents for one account in one region, halved where others ask as well. What is not here
 * starts at five.
 */
const documented: Readonly<Record<string, number>> = {
  'cloudwatch GetMetricData': 25,
  'cloudwatch DescribeAlarms': 4,
  'cloudtrail LookupEvents': 1,
  'logs FilterLogEvents': 4,
  'logs GetQueryResults': 4,
  'ecs DescribeServices': 10,
  'lambda ListVersionsByFunction': 7,
  'lambda GetAlias': 50,
};
const usual = 5;

/** The lane of a call: each account, region and API has its own. */
export function laneOf({ account, region, service, operation }: AwsCall): Lane {
  return {
    key: `${account ?? ''} ${region} ${service} ${operation}`,
    words: `AWS ${service} ${operation} in ${region}`,
    most: documented[`${service} ${operation}`] ?? usual,
  };
}
