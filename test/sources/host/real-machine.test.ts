import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { nodeSockets, readFiles, systemClock } from '../../../src/io/index.ts';
import { metricNames } from '../../../src/io/clients/linux/metrics/catalogue.ts';
import { hostQuery } from '../../../src/io/clients/linux/query.ts';
import { sourceKinds } from '../../../src/sources/index.ts';
import { noClusters } from '../../support/no-clusters.ts';
import { noHosts } from '../../support/no-hosts.ts';
import { recordingLog } from '../../support/quiet-log.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { signalsOf, valueOf } from './machine.ts';
import { noAws, noCloudHosts } from '../../support/no-aws.ts';
import { noAzure } from '../../support/no-azure.ts';
import { noGcp } from '../../support/no-gcp.ts';

const never = new AbortController().signal;

describe.skipIf(process.platform !== 'linux')('the machine this test runs on', () => {
  it('can be discovered and read by anyone, with values that can be', async () => {
    const opened = sourceKinds['host']?.open(
      'host',
      {},
      {
        clock: systemClock,
        random: seededRandom(1),
        http: { request: () => Promise.reject(new Error('no HTTP')) },
        files: readFiles,
        sockets: nodeSockets,
        aws: noAws,
        azure: noAzure,
        gcp: noGcp,
        cloudHosts: noCloudHosts,
        kubernetes: noClusters,
        ssh: noHosts,
        secrets: { resolve: () => Promise.reject(new Error('no secrets')) },
        log: recordingLog(),
      },
    );
    if (opened?.ok !== true) throw new Error('the defaults do not open');
    const source = opened.value;
    await source.check(never);
    const [host] = await source.discover(never);
    if (host === undefined) throw new Error('nothing discovered');
    const nowMs = systemClock.nowMs();
    const request = {
      fromMs: nowMs - 60_000,
      untilMs: nowMs,
      stepMs: 5_000,
      signals: signalsOf(host),
      services: [host],
      mode: 'live',
    } as const;
    await source.collect(request, never);
    const answer = await source.collect(request, never);
    await source.close();
    expect(valueOf(answer, 'memory')).toBeGreaterThan(0);
    expect(answer.series.some((series) => series.signal === 'disk')).toBe(true);
    for (const series of answer.series.filter(({ unit }) => unit === 'ratio'))
      for (const { v } of series.samples) {
        expect(v, series.key).toBeGreaterThanOrEqual(0);
        expect(v, series.key).toBeLessThanOrEqual(1);
      }
  });
});

describe('the query of a binding', () => {
  it('suggests the metric that was meant, and refuses a filter that the metric does not have', () => {
    const typo = hostQuery.parse({ metric: 'memroy' });
    expect(typo).toMatchObject({ ok: false, issues: [{ path: ['metric'], suggestion: 'memory' }] });
    expect(hostQuery.parse({ metric: 'disk', moutn: '/' })).toMatchObject({
      ok: false,
      issues: [{ suggestion: 'mount' }],
    });
    expect(hostQuery.parse({ metric: 'memory', mount: '/' })).toMatchObject({
      ok: false,
      issues: [{ path: ['mount'] }],
    });
    expect(hostQuery.parse({ metric: 'disk', mount: '/' }).ok).toBe(true);
  });

  it('is documented: every metric stands in the README', () => {
    const readme = readFileSync(path.join(import.meta.dirname, '../../../src/sources/host/README.md'), 'utf8');
    for (const name of metricNames) expect(readme).toContain(`| \`${name}\``);
  });
});
