import { describe, expect, it } from 'vitest';

import type { AwsCall } from '../../src/domain/ports/aws.ts';
import type { HttpRequest } from '../../src/domain/ports/io.ts';
import { policyText } from '../../src/io/clients/aws/credentials.ts';
import { awsReaders } from '../../src/io/clients/aws/index.ts';
import { isRead, sdkServices } from '../../src/io/clients/aws/modules.ts';
import { laneOf as gcpLaneOf } from '../../src/io/clients/gcp/lanes.ts';
import { createPace } from '../../src/io/clients/cloud/pace.ts';
import { laneOf } from '../../src/io/clients/aws/lanes.ts';
import { httpWorld, json, type HttpWorld } from '../support/http-world.ts';
import { virtualClock } from '../support/virtual-clock.ts';

const never = new AbortController().signal;
const identity: AwsCall = { service: 'sts', operation: 'GetCallerIdentity', input: {}, region: 'eu-west-1' };
const services: AwsCall = {
  ...{ service: 'ecs', operation: 'DescribeServices', region: 'eu-west-1' },
  input: { cluster: 'shop', services: ['web'] },
};

function reader(world: HttpWorld) {
  process.env['AWS_ACCESS_KEY_ID'] = 'key';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'not-a-secret';
  return awsReaders(world.io).reader({ source: 'aws', accounts: [{ name: 'default' }], endpoint: 'http://aws.test' });
}

function refusal(name: string, status = 400): ReturnType<typeof json> {
  return json({ __type: name, message: `no: ${name}` }, status, { 'content-type': 'application/x-amz-json-1.1' });
}

/** What a call comes to when every answer is this one; time passes by itself. */
async function fate(
  answer: (request: HttpRequest, tries: number) => ReturnType<typeof json> | 'refuse',
  call = services,
) {
  let tries = 0;
  const world = httpWorld((request) => answer(request, ++tries));
  const pending = reader(world)
    .ask(call, never)
    .then(
      (value) => ({ value }),
      (thrown: unknown) => ({ error: thrown as { code: string; message: string; fix?: string } }),
    );
  const over = { now: false };
  void pending.then(() => (over.now = true));
  for (let turn = 0; turn < 400 && !over.now; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await world.clock.advance(1_000);
  }
  return { ...(await pending), tries };
}

describe('a reader of AWS', () => {
  it('asks nothing that could change anything', async () => {
    const world = httpWorld(() => json({}));
    for (const [service, { writes }] of Object.entries(sdkServices))
      for (const operation of writes) {
        const call = { service, operation, input: {}, region: 'eu-west-1' } as AwsCall;
        expect(isRead(call.service, operation)).toBe(false);
        await expect(reader(world).ask(call, never)).rejects.toMatchObject({ code: 'unsupported' });
      }
    expect(world.requests).toEqual([]);
  });

  for (const [name, code, words] of [
    ['ExpiredTokenException', 'unauthorized', 'have expired'],
    ['UnrecognizedClientException', 'unauthorized', 'no credentials that AWS accepts'],
    ['RequestTimeTooSkewed', 'unauthorized', 'the clock of this machine'],
    ['AccessDeniedException', 'forbidden', 'AccessDeniedException'],
    ['ClusterNotFoundException', 'not-found', 'ClusterNotFoundException'],
    ['ThrottlingException', 'rate-limited', 'ThrottlingException'],
    ['InvalidParameterException', 'config-invalid', 'InvalidParameterException'],
  ] as const)
    it(`says ${code} of ${name}, where it was and what to do`, async () => {
      const { error } = (await fate(() => refusal(name))) as { error: { code: string; message: string } };
      expect(error.code).toBe(code);
      expect(error.message).toContain('AWS ecs DescribeServices in eu-west-1');
      expect(error.message).toContain(words);
    });

  it('tries again what may come out otherwise, and nothing else', async () => {
    const flaky = await fate((_request, tries) =>
      tries < 3 ? refusal('ServerException', 500) : json({ services: [] }),
    );
    expect(flaky).toMatchObject({ value: { services: [] }, tries: 3 });
    expect((await fate(() => refusal('ServerException', 503))).tries).toBe(3);
    expect((await fate(() => 'refuse')).tries).toBe(3);
    expect((await fate(() => refusal('AccessDeniedException'))).tries).toBe(1);
  });

  it('does not take what is no answer of AWS for one', async () => {
    const { error } = (await fate(() => ({
      ...json({}),
      body: new TextEncoder().encode('<html>who are you?</html>'),
    }))) as { error: { code: string } };
    expect(['malformed', 'unreachable', 'unsupported']).toContain(error.code);
  });
});

describe('the pace of calls', () => {
  it('halves where AWS throttles, for that API in that region alone, and grows again', async () => {
    const clock = virtualClock();
    const pace = createPace(clock);
    const call = (region: string): AwsCall => ({ ...identity, region });
    const within = async (ms: number, region: string): Promise<number> => {
      let turns = 0;
      const stop = new AbortController();
      const going = (async () => {
        for (;;) {
          await pace.turn(laneOf(call(region)), stop.signal);
          turns++;
        }
      })().catch(() => undefined);
      for (let passed = 0; passed < ms; passed += 100) {
        for (let turn = 0; turn < 20; turn++) await Promise.resolve();
        await clock.advance(100);
      }
      stop.abort();
      await going;
      return turns;
    };
    const free = await within(10_000, 'eu-west-1');
    for (let times = 0; times < 3; times++) pace.went(laneOf(call('eu-west-1')), true);
    const slowed = await within(10_000, 'eu-west-1');
    expect(slowed).toBeLessThan(free / 4);
    expect(await within(10_000, 'us-east-1')).toBe(free);
    for (let times = 0; times < 40; times++) pace.went(laneOf(call('eu-west-1')), false);
    expect(await within(10_000, 'eu-west-1')).toBeGreaterThan(slowed * 3);
  });

  it('lets what a diagnosis asks of log entries go at once, and stays within the sixty a minute of a project', async () => {
    const clock = virtualClock();
    const pace = createPace(clock);
    const lane = gcpLaneOf({ project: 'shop', service: 'logging', method: 'entries.list', params: {} });
    const [stop, wentMs]: [AbortController, number[]] = [new AbortController(), []];
    const going = (async () => {
      for (;;) {
        await pace.turn(lane, stop.signal);
        wentMs.push(clock.nowMs());
      }
    })().catch(() => undefined);
    const beganMs = clock.nowMs();
    for (let passed = 0; passed < 59_000; passed += 1_000) {
      for (let turn = 0; turn < 40; turn++) await Promise.resolve();
      await clock.advance(1_000);
    }
    stop.abort();
    await going;
    expect(wentMs.filter((ms) => ms === beganMs)).toHaveLength(12);
    expect(wentMs.length).toBeGreaterThan(50);
    expect(wentMs.length).toBeLessThanOrEqual(60);
  });

  it('refuses what would wait too long, instead of piling it up', async () => {
    const pace = createPace(virtualClock());
    const turns = Array.from({ length: 200 }, () =>
      pace.turn(laneOf(identity), never).then(
        () => 'went',
        (thrown: unknown) => (thrown as { code: string }).code,
      ),
    );
    expect(await turns.at(-1)).toBe('rate-limited');
  });
});

describe('a session policy', () => {
  it('is refused here when AWS would refuse it for its length', () => {
    const resources = Array.from(
      { length: 60 },
      (_, index) => `arn:aws:ecs:eu-west-1:123456789012:service/shop/web-${index}`,
    );
    expect(() => policyText([{ actions: ['ecs:UpdateService'], resources }])).toThrow(/2,048/);
    expect(JSON.parse(policyText([{ actions: ['a:B'], resources: ['*'] }]))).toEqual({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: ['a:B'], Resource: ['*'] }],
    });
  });
});
