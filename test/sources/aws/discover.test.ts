import { describe, expect, it } from 'vitest';

import type { AwsCall } from '../../../src/domain/ports/aws.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { servicesOf } from '../../../src/sources/aws/discover.ts';
import { readingStatements } from '../../../src/sources/aws/needs.ts';
import { awsConfig } from '../../../src/sources/aws/schema.ts';
import { createTagReader } from '../../../src/sources/aws/tagged.ts';
import { fakeAws } from './fake-aws.ts';

const never = new AbortController().signal;
const tag = 'watchkeeper.dev/service';
const away = new WatchkeeperError('unreachable', 'it is away');
const tagged = (name: string): JsonObject => ({
  ResourceARN: `arn:aws:lambda:eu-west-1:123456789012:function:${name}`,
  Tags: [{ Key: tag, Value: name }],
});
const group = (name: string): JsonObject => ({
  AutoScalingGroupARN: `arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:0a-1b:autoScalingGroupName/${name}`,
  Tags: [{ Key: tag, Value: name }],
});

/** Two regions, whose lists are as given. */
function discovery(answer: (call: AwsCall) => JsonObject | Error) {
  const parsed = awsConfig.parse({ regions: ['eu-west-1', 'us-east-1'] });
  if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
  const aws = fakeAws(answer);
  const tags = createTagReader(parsed.value, aws);
  return {
    aws,
    config: parsed.value,
    look: async () => {
      const { found, faults } = await tags.look(never);
      return { names: servicesOf('aws', tag, found).map(({ name }) => name), faults };
    },
  };
}

describe('services by their tag', () => {
  it('are Auto Scaling groups as well, which GetResources does not know, page by page', async () => {
    const { aws, config, look } = discovery(({ operation, region, input }) => {
      if (region !== 'eu-west-1' || operation !== 'DescribeAutoScalingGroups') return {};
      return input['NextToken'] === undefined
        ? { AutoScalingGroups: [group('web')], NextToken: 'more' }
        : { AutoScalingGroups: [group('pay')] };
    });
    expect(await look()).toEqual({ names: ['web', 'pay'], faults: [] });
    const asked = aws.asked.find(({ operation }) => operation === 'DescribeAutoScalingGroups');
    expect(asked?.input).toMatchObject({ Filters: [{ Name: 'tag-key', Values: [tag] }] });
    expect(readingStatements(config)[0]?.actions).toContain('autoscaling:DescribeAutoScalingGroups');
    expect(readingStatements({ ...config, discover: false })[0]?.actions).not.toContain(
      'autoscaling:DescribeAutoScalingGroups',
    );
  });

  it('of a region that is away stay as they were, those of the others are as they are, and it is said', async () => {
    let [gone, here] = [false, ['web']];
    const { look } = discovery(({ operation, region }) => {
      if (operation !== 'GetResources') return {};
      if (region === 'us-east-1') return gone ? away : { ResourceTagMappingList: [tagged('pay')] };
      return { ResourceTagMappingList: here.map(tagged) };
    });
    expect((await look()).names).toEqual(['web', 'pay']);
    [gone, here] = [true, ['shop']];
    expect(await look()).toMatchObject({
      names: ['shop', 'pay'],
      faults: [{ reason: 'unreachable', message: expect.stringContaining('us-east-1') as string }],
    });
    [gone, here] = [false, []];
    expect(await look()).toEqual({ names: ['pay'], faults: [] });
  });

  it('are not told to be none where nothing can be read', async () => {
    await expect(discovery(() => away).look()).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('past the pages that are read are a gap, and those that were seen before stay', async () => {
    let pages = 1;
    const { look } = discovery(({ operation, region, input }) => {
      if (operation !== 'GetResources' || region !== 'eu-west-1') return {};
      const page = Number(input['PaginationToken'] ?? 0);
      const one = { ResourceTagMappingList: [tagged(pages === 1 ? 'last' : `s-${page}`)] };
      return page + 1 < pages ? { ...one, PaginationToken: String(page + 1) } : one;
    });
    expect((await look()).names).toEqual(['last']);
    pages = 5_000;
    const { names, faults } = await look();
    expect(names).toHaveLength(101);
    expect(names).toContain('last');
    expect(faults).toMatchObject([{ reason: 'partial', message: expect.stringMatching(/more than 100 /) as string }]);
  });
});
