import { describe, expect, it } from 'vitest';

import type { HttpRequest } from '../../src/domain/ports/io.ts';
import { createSearches } from '../../src/io/clients/aws/cost.ts';
import { awsReaders } from '../../src/io/clients/aws/index.ts';
import { httpWorld, json } from '../support/http-world.ts';

const never = new AbortController().signal;
const regionOf = ({ url }: HttpRequest): string => new URL(url).host.split('.')[1] ?? '';
const isSts = ({ url }: HttpRequest): boolean => new URL(url).host.startsWith('sts.');

function assumed(untilMs: number): ReturnType<typeof json> {
  const body =
    '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>' +
    `<AccessKeyId>k</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>` +
    `<Expiration>${new Date(untilMs).toISOString()}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`;
  return { ...json({}), body: new TextEncoder().encode(body), headers: { 'content-type': 'text/xml' } };
}

/** Asks ECS in two regions of one account, with a role, of an STS as given. */
async function asked(sts: (region: string, atMs: number) => ReturnType<typeof json> | 'refuse' | 'hang') {
  process.env['AWS_ACCESS_KEY_ID'] = 'key';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'not-a-secret';
  const world = httpWorld((request) =>
    isSts(request) ? sts(regionOf(request), world.clock.nowMs()) : json({ services: [] }),
  );
  const reader = awsReaders(world.io).reader({
    ...{ source: 'aws', regions: ['eu-west-1', 'us-east-1'] },
    accounts: [{ name: 'prod', roleArn: 'arn:aws:iam::123456789012:role/reader' }],
  });
  const ask = (region: string): Promise<string> =>
    reader
      .ask({ service: 'ecs', operation: 'DescribeServices', input: { cluster: 'c', services: ['s'] }, region }, never)
      .then(
        () => 'answered',
        (thrown: unknown) => (thrown as { code: string }).code,
      );
  const over = { now: false };
  const pending = Promise.all([ask('eu-west-1'), ask('us-east-1')]);
  void pending.then(() => (over.now = true));
  for (let turn = 0; turn < 400 && !over.now; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await world.clock.advance(1_000);
  }
  return { said: await pending, sts: world.requests.filter(isSts).map(regionOf) };
}

describe('the role of an account', () => {
  it('is taken on where it is wanted first, once for all regions', async () => {
    expect(await asked((_region, atMs) => assumed(atMs + 3_600_000))).toEqual({
      ...{ said: ['answered', 'answered'], sts: ['eu-west-1'] },
    });
  });

  for (const how of ['refuse', 'hang'] as const)
    it(`is taken on in another region when the first is away (${how})`, async () => {
      const away = await asked((region, atMs) => (region === 'eu-west-1' ? how : assumed(atMs + 3_600_000)));
      expect(away).toEqual({ said: ['answered', 'answered'], sts: ['eu-west-1', 'us-east-1'] });
    });

  it('is not asked for elsewhere when it is refused', async () => {
    const no = { ...json({}, 403), headers: { 'content-type': 'text/xml' } };
    const body =
      '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>';
    const { said, sts } = await asked(() => ({ ...no, body: new TextEncoder().encode(body) }));
    expect(said).toEqual(['forbidden', 'forbidden']);
    expect(new Set(sts)).toEqual(new Set(['eu-west-1']));
  });
});

describe('what a search of Logs Insights read', () => {
  it('is counted once as it grows, also of one that is cut off, and each search for itself', () => {
    const searches = createSearches();
    const poll = (queryId: string, status: string, bytesScanned: number): number =>
      searches.more({ region: 'eu-west-1', input: { queryId } }, { status, statistics: { bytesScanned } });
    expect([poll('a', 'Running', 100), poll('a', 'Running', 250), poll('b', 'Running', 40)]).toEqual([100, 150, 40]);
    expect([poll('a', 'Cancelled', 300), poll('a', 'Cancelled', 300), poll('b', 'Complete', 40)]).toEqual([50, 0, 0]);
    expect(searches.more({ region: 'eu-west-1', input: { queryId: 'c' } }, { status: 'Scheduled' })).toBe(0);
  });
});
