import { describe, expect, it } from 'vitest';

import type { AwsCall } from '../../../src/domain/ports/aws.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import { checkAccess } from '../../../src/sources/aws/access.ts';
import { awsConfig } from '../../../src/sources/aws/schema.ts';
import { fakeAws } from './fake-aws.ts';

async function checked(answer: (call: AwsCall) => Error | undefined) {
  const parsed = awsConfig.parse({ regions: ['eu-west-1', 'us-east-1'] });
  if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
  const aws = fakeAws((call) => answer(call) ?? {});
  const fault = await checkAccess('aws', parsed.value, aws, new AbortController().signal).catch((thrown: unknown) =>
    WatchkeeperError.from(thrown),
  );
  return { aws, fault };
}

describe('checking an aws source', () => {
  it('tries every region, and each right once, for next to nothing', async () => {
    const { aws, fault } = await checked(() => undefined);
    expect(fault).toBeUndefined();
    expect(aws.use().calls).toEqual({
      ...{ 'sts:GetCallerIdentity': 2, 'cloudwatch:GetMetricData': 1, 'cloudwatch:DescribeAlarms': 1 },
      ...{ 'cloudtrail:LookupEvents': 1, 'tagging:GetResources': 1, 'autoscaling:DescribeAutoScalingGroups': 1 },
    });
    expect(aws.use().dollars).toBeLessThan(0.000_1);
  });

  it('names all that the readers may not, in one go, with where to find the policy', async () => {
    const { fault } = await checked(({ operation }) =>
      operation === 'LookupEvents' || operation === 'GetResources'
        ? new WatchkeeperError('forbidden', 'AccessDenied')
        : undefined,
    );
    expect(fault).toMatchObject({
      code: 'forbidden',
      message: 'source aws may not cloudtrail:LookupEvents in eu-west-1, tag:GetResources in eu-west-1',
      fix: '"watchkeeper permissions aws" prints the policy that its readers need.',
    });
  });

  it('says nothing of rights where something else is wrong, and where who we are is refused, that alone', async () => {
    const { fault: slow } = await checked(({ operation }) =>
      operation === 'LookupEvents' ? new WatchkeeperError('rate-limited', 'Throttling') : undefined,
    );
    expect(slow).toBeUndefined();
    const { aws, fault } = await checked(() => new WatchkeeperError('unauthorized', 'no credentials'));
    expect(fault).toMatchObject({ code: 'unauthorized' });
    expect(Object.keys(aws.use().calls)).toEqual(['sts:GetCallerIdentity']);
  });
});
