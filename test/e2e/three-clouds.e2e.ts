import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { IncidentView, StatusView } from '../../src/agent/index.ts';
import { until } from './peers/peers.ts';
import { startDaemon, type DaemonProcess } from './support/daemon.ts';
import { openThreeClouds, type ThreeClouds } from './support/three-clouds.ts';
import { transcriptOf } from './support/three-clouds-transcript.ts';

/**
 * One daemon over AWS (moto), Azure and Google Cloud (servers of the tests), each through its own source, SDK and credentials.
 * The policy would let it act in all three. The transcripts stand beside this file; UPDATE=1 writes them anew.
 */
describe('one daemon over three clouds', () => {
  let clouds: ThreeClouds;
  let daemon: DaemonProcess;

  beforeAll(async () => {
    clouds = await openThreeClouds();
    daemon = await startDaemon(clouds.home, { environment: clouds.environment, readyWithinMs: 60_000 });
    await until('it knows what is usual', () => knows(daemon), 120_000);
  }, 300_000);

  afterAll(async () => {
    await daemon.stop();
    await clouds.close();
  });

  test('a bad revision in Google Cloud is named for what fails in AWS and Azure, and taken back there alone; a deploy beside it is not blamed', async () => {
    const from = (await daemon.ledger()).length;
    await clouds.deployStock('stock:2');
    clouds.deployPricing('pricing-00002-bad');
    const view = await becomes(daemon, 0, 'resolved', ({ incident }) => incident.status === 'resolved');
    expect(view.incident.services).toEqual(['checkout', 'pricing', 'web']);
    expect(view.executions.map(({ status, verification }) => [status, verification?.status])).toEqual([
      ['succeeded', 'passed'],
    ]);
    expect(clouds.writes()).toEqual(['gcp by watchkeeper-operator@shop-prod.iam.gserviceaccount.com']);
    expect(await clouds.running()).toEqual({
      ...{ checkout: 'checkout:1', stock: 'stock:2', pricing: 'pricing-00001' },
      web: '[{"latestRevision":true,"weight":100}]',
    });
    golden('taken-back', transcriptOf((await daemon.ledger()).slice(from)));
  }, 200_000);

  test('the same fault with Google Cloud away is not known: nothing is done, and people are called and told what could not be read', async () => {
    const [from, heard] = [(await daemon.ledger()).length, clouds.people.length];
    clouds.gcpIsAway(true);
    clouds.deployPricing('pricing-00003-bad');
    const view = await becomes(daemon, 1, 'told to people', () => clouds.people.length > heard);
    expect(view.executions).toEqual([]);
    expect(view.incident.services).toEqual(['checkout', 'web']);
    expect(JSON.stringify(clouds.people.slice(heard))).toContain('gcp');
    expect(clouds.writes()).toHaveLength(1);
    golden('left-alone', transcriptOf((await daemon.ledger()).slice(from)));
    expect(clouds.gcpViolations).toEqual([]);
  }, 200_000);
});

function golden(name: string, transcript: string): void {
  const file = path.join(import.meta.dirname, 'three-clouds', `${name}.txt`);
  if (process.env['UPDATE'] === '1') writeFileSync(file, transcript);
  expect(transcript).toBe(readFileSync(file, 'utf8'));
}

async function knows(daemon: DaemonProcess): Promise<boolean> {
  const { services } = await daemon.get<StatusView>('/api/v1/status');
  return ['web', 'checkout', 'stock', 'pricing'].every((name) =>
    services.some((one) => one.name === name && one.signals.some(({ recent }) => recent.length >= 25)),
  );
}

async function becomes(
  daemon: DaemonProcess,
  nth: number,
  what: string,
  is: (view: IncidentView) => boolean,
): Promise<IncidentView> {
  let found: IncidentView | undefined;
  try {
    await until(
      `the incident is ${what}`,
      async () => {
        const brief = (await daemon.incidents()).toReversed()[nth];
        found = brief && (await daemon.incident(brief.id));
        return found !== undefined && is(found);
      },
      180_000,
    );
  } catch (thrown) {
    const seen = JSON.stringify(found, undefined, 1).slice(0, 6_000);
    throw new Error(`${String(thrown)}\n${seen}\n${daemon.said().slice(-4_000)}`);
  }
  if (found === undefined) throw new Error('there is no incident');
  return found;
}
