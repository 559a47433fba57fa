import { describe, expect, it } from 'vitest';

import type { Service } from '../../../src/domain/service.ts';
import { createSpend } from '../../../src/io/clients/cloud/spend.ts';
import { inPlaces } from '../../../src/io/clients/cloud/places.ts';
import { createSweep } from '../../../src/io/clients/cloud/sweep.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { servicesOf } from '../../../src/sources/aws/discover.ts';
import { cloudWatch } from '../../../src/sources/aws/metrics/service.ts';
import { awsConfig } from '../../../src/sources/aws/schema.ts';
import { createDiscovery } from '../../../src/sources/gcp/discover.ts';
import { gcpConfig } from '../../../src/sources/gcp/schema.ts';
import { fakeAws } from '../aws/fake-aws.ts';
import { sourceOver, subscriptionId } from '../azure/fake-azure.ts';
import { fakeGcp } from '../gcp/fake-gcp.ts';

const minute = 60_000;
const t0 = Date.UTC(2026, 10, 28, 12, 0, 0);
const never = new AbortController().signal;

function tagged(tag: string, regions: readonly string[], ...resources: readonly (readonly [string, string])[]) {
  const found = regions.flatMap((region) =>
    resources.map(([of, name]) => {
      return { corner: { region }, arn: `arn:aws:${of}:${region}:123456789012:${name}`, tags: { [tag]: 'pay' } };
    }),
  );
  return servicesOf('aws', tag, found);
}

function awsOf(more: JsonObject = {}) {
  const parsed = awsConfig.parse({ regions: ['eu-west-1', 'us-east-1'], ...more });
  if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
  return parsed.value;
}

const signalsOf = ({ name: service, telemetry }: Service) =>
  inPlaces(Object.entries(telemetry).map(([signal, binding]) => ({ service, signal, binding })));
const placed = (service: Service | undefined, signal: string) =>
  service === undefined ? [] : signalsOf(service).flatMap((one) => (one.signal === signal ? [one.binding.labels] : []));

describe('a service that is discovered in several places', () => {
  it('of AWS has its metrics read in each region, as series of their own, and a region that is away is a gap of its own', async () => {
    const aws = fakeAws((call) => {
      if (call.region === 'us-east-1' && isAway) return new WatchkeeperError('unreachable', 'away');
      const queries = call.input['MetricDataQueries'] as unknown as readonly { Id: string; ReturnData?: boolean }[];
      const Timestamps = [t0 - 5 * minute];
      return {
        MetricDataResults: queries
          .filter(({ ReturnData }) => ReturnData !== false)
          .map(({ Id }) => ({ Id, StatusCode: 'Complete', Timestamps, Values: [call.region === 'us-east-1' ? 1 : 0] })),
      };
    });
    let isAway = false;
    const config = awsOf();
    const [pay, ...more] = tagged(config.tag, config.regions, ['lambda', 'function:pay']);
    if (pay === undefined) throw new Error('no pay');
    expect(more).toEqual([]);
    const look = () =>
      createSweep('aws', config, createSpend(aws, 1_000)).read(
        {
          ...{ fromMs: t0 - 10 * minute, untilMs: t0, stepMs: minute, mode: 'live', services: [pay] },
          signals: signalsOf(pay),
        },
        { nowMs: t0, close: new Set(), service: cloudWatch(config, aws, []) },
        never,
      );
    const errorsIn = ({ series }: Awaited<ReturnType<typeof look>>) =>
      series.flatMap(({ signal, labels, samples }) => (signal === 'errors' ? [[labels, samples[0]?.v]] : []));
    const eu = { region: 'eu-west-1', resource: 'lambda/pay' };
    const us = { region: 'us-east-1', resource: 'lambda/pay' };
    const both = await look();
    expect(errorsIn(both)).toEqual([
      [eu, 0],
      [us, 1],
    ]);
    expect(new Set(both.series.map(({ key }) => key)).size).toBe(both.series.length);
    isAway = true;
    const one = await look();
    expect(errorsIn(one)).toEqual([[eu, 0]]);
    expect(one.gaps.find(({ signal }) => signal === 'errors')).toMatchObject({ labels: us, reason: 'unreachable' });
    expect(one.gaps.filter(({ labels }) => labels?.['region'] !== 'us-east-1')).toEqual([]);
  });

  it('of AWS keeps a signal that only one of its places has as it was', () => {
    const [pay] = tagged('shop/service', ['eu-west-1'], ['lambda', 'function:pay'], ['rds', 'db:pay']);
    expect(placed(pay, 'errors')).toEqual([undefined]);
    expect(placed(pay, 'cpu')).toEqual([undefined]);
  });

  it('of Google Cloud has its metrics read in each location, and what it says of itself once', async () => {
    const parsed = gcpConfig.parse({ projects: [{ id: 'shop-prod' }], locations: ['europe-west1', 'us-east1'] });
    if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
    const gcp = fakeGcp(({ service, params }) =>
      service === 'run'
        ? {
            services: [{ name: `${String(params['parent'])}/services/web`, labels: { 'watchkeeper-service': 'web' } }],
          }
        : {},
    );
    const [web] = await createDiscovery('gcp', parsed.value, gcp).find(never);
    expect(placed(web, 'errors')).toEqual([
      { region: 'europe-west1', resource: 'run/web' },
      { region: 'us-east1', resource: 'run/web' },
    ]);
    expect(placed(web, 'rollout_failing')).toEqual([undefined]);
    expect(web?.logs).toHaveLength(2);
  });

  it('of Azure has its metrics read in each region', async () => {
    const row = (location: string): JsonObject => ({
      ...{ id: `/subscriptions/${subscriptionId}/x/${location}`, name: 'web', type: 'microsoft.app/containerapps' },
      ...{ location, resourceGroup: 'shop', subscriptionId, tags: { 'watchkeeper-service': 'web' } },
    });
    const { source } = sourceOver(() => ({ data: [row('westeurope'), row('eastus')] }));
    const [web] = await source.discover(never);
    expect(placed(web, 'errors').map((labels) => labels?.['region'])).toEqual(['westeurope', 'eastus']);
    expect(web?.runsOn).toHaveLength(2);
  });
});
