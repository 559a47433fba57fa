import { readFileSync } from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { IncidentBrief } from '../../src/agent/index.ts';
import { until } from './peers/peers.ts';
import { makeHome, startDaemon, type DaemonProcess, type Home } from './support/daemon.ts';
import { pushingAzure } from './support/push-azure.ts';
import { pushingGcp } from './support/push-gcp.ts';
import type { PushingCloud } from './support/pushing-cloud.ts';
import { document } from './support/shop.ts';

/**
 * The whole daemon with a source that looks every ten minutes: what it knows sooner, it knows by push. Tokens are signed with a
 * key pair of the test's own.
 */
describe.each([
  ['Google Cloud', 'gcp', pushingGcp],
  ['Azure', 'azure', pushingAzure],
])('alerts that %s pushes to the daemon', (_name, id, open) => {
  let cloud: PushingCloud;
  let home: Home;
  let daemon: DaemonProcess;
  let looked = 0;

  beforeAll(async () => {
    home = makeHome();
    cloud = await open(home);
    home.write('watchkeeper.yaml', {
      resources: { services: 'resources', inherit: [] },
      sources: [{ ...cloud.source, interval: '10m', sweep: '10m' }],
      incidents: { grace: '2s', patience: '2s' },
    });
    home.write('resources/web.yaml', document('Service', 'web', { runsOn: [cloud.runsOn] }));
    const shipped = path.resolve(import.meta.dirname, '../../detectors/external-alerts.yaml');
    home.write('resources/external-alerts.yaml', readFileSync(shipped, 'utf8'));
    daemon = await startDaemon(home, { environment: cloud.environment, readyWithinMs: 60_000 });
    await until('it has looked once', () => cloud.looks() > 0, 60_000);
    looked = cloud.looks();
  }, 120_000);

  afterAll(async () => {
    await daemon.stop();
    await cloud.close();
    home.remove();
  });

  const incidents = async (): Promise<readonly IncidentBrief[]> =>
    (await daemon.incidents()).filter(({ services }) => services.includes('web'));

  async function push(state: 'fired' | 'resolved', key: 'good' | 'other' = 'good'): Promise<number> {
    const { token, body } = await cloud.message(state, key);
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${daemon.url}/hooks/${id}`, { method: 'POST', headers, body: JSON.stringify(body) })).status;
  }

  test('one that is forged is refused, makes nobody look, and stands in the ledger', async () => {
    expect(await push('fired', 'other')).toBe(401);
    const refused = (await daemon.ledger()).filter(({ entry }) => entry.type === 'request-refused');
    expect(refused.map((one) => JSON.stringify(one))).toEqual([expect.stringContaining(`"via":"hook:${id}"`)]);
    expect(cloud.looks()).toBe(looked);
  }, 60_000);

  test('one is an incident at once, the same one however often it is pushed and found, and is over as it closes', async () => {
    cloud.fires();
    expect(await push('fired')).toBe(200);
    await until('there is an incident', async () => (await incidents()).length > 0, 60_000);
    expect(await push('fired')).toBe(200);
    expect(await incidents()).toHaveLength(1);
    cloud.isOver();
    expect(await push('resolved')).toBe(200);
    await until('it is over', async () => (await incidents())[0]?.status === 'resolved', 120_000);
    expect(await incidents()).toHaveLength(1);
    expect(cloud.violations()).toEqual([]);
  }, 240_000);
});
