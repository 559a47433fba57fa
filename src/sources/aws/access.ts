import type { AwsCall, AwsReader } from '../../domain/ports/aws.ts';
import { reachAll } from '../../io/clients/cloud/reach.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import type { AwsConfig } from './schema.ts';
import { cornerName, cornersOf } from './watched.ts';

/**
 * Tries every region of every account, and in the first region of each account one small reading of each API that needs a
 * right of its own and knows no resource: what is refused is named all at once. All free, but one metric: $0.00001.
 */
export async function checkAccess(
  id: string,
  config: AwsConfig,
  reader: AwsReader,
  signal: AbortSignal,
): Promise<void> {
  const places = cornersOf(config).map((corner) => ({
    name: cornerName(corner),
    ask: () => reader.ask({ ...corner, service: 'sts', operation: 'GetCallerIdentity', input: {} }, signal),
  }));
  await reachAll(id, places, `Check accounts, regions and the credentials of source ${id}.`);
  await checkRights(id, config, reader, signal);
}

async function checkRights(id: string, config: AwsConfig, reader: AwsReader, signal: AbortSignal): Promise<void> {
  const firsts = cornersOf({ ...config, regions: config.regions.slice(0, 1) });
  const refused = await Promise.all(
    firsts.flatMap((corner) =>
      readings(config).map(async (reading) => {
        try {
          await reader.ask({ ...corner, ...reading }, signal);
          return [];
        } catch (thrown) {
          // Any other fault says nothing of rights; collecting tells it.
          const { code } = WatchkeeperError.from(thrown);
          const name = `${reading.service === 'tagging' ? 'tag' : reading.service}:${reading.operation}`;
          return code === 'forbidden' ? [`${name} in ${cornerName(corner)}`] : [];
        }
      }),
    ),
  );
  const names = refused.flat();
  if (names.length === 0) return;
  throw new WatchkeeperError('forbidden', `source ${id} may not ${names.join(', ')}`, {
    fix: '"watchkeeper permissions aws" prints the policy that its readers need.',
  });
}

type Reading = Pick<AwsCall, 'service' | 'operation' | 'input'>;

function readings({ alarms, cloudtrail, discover, tag }: AwsConfig): readonly Reading[] {
  const metric = { Metric: { Namespace: 'AWS/EC2', MetricName: 'CPUUtilization' }, Period: 60, Stat: 'Average' };
  const moment = new Date(0);
  return [
    {
      ...{ service: 'cloudwatch', operation: 'GetMetricData' },
      input: {
        ...{ StartTime: moment, EndTime: new Date(60_000) },
        MetricDataQueries: [{ Id: 'check', MetricStat: metric }],
      },
    },
    ...(alarms ? [{ service: 'cloudwatch', operation: 'DescribeAlarms', input: { MaxRecords: 1 } } as const] : []),
    ...(cloudtrail ? [{ service: 'cloudtrail', operation: 'LookupEvents', input: { MaxResults: 1 } } as const] : []),
    ...(discover
      ? [
          {
            ...({ service: 'tagging', operation: 'GetResources' } as const),
            input: { TagFilters: [{ Key: tag }], ResourcesPerPage: 1 },
          },
          {
            ...({ service: 'autoscaling', operation: 'DescribeAutoScalingGroups' } as const),
            input: { MaxRecords: 1 },
          },
        ]
      : []),
  ];
}
