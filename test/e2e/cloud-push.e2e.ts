import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { IncidentBrief } from '../../src/agent/index.ts';
import { startGcpServer, type GcpServer } from '../support/gcp/server.ts';
import { gcpWorld, type GcpWorld } from '../support/gcp/world.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';
import { until } from './peers/peers.ts';
import { makeHome, startDaemon, type DaemonProcess, type Home } from './support/daemon.ts';
import { document } from './support/shop.ts';

const audience = 'https://watchkeeper.shop.example/hooks/gcp';
const email = 'alerts-push@shop-prod.iam.gserviceaccount.com';
const subscription = 'projects/shop-prod/subscriptions/watchkeeper';
const name = 'projects/shop-prod/locations/europe-west1/services/web';

/**
 * The whole daemon with a source that looks every ten minutes: what it knows sooner, it knows by push. Tokens are signed with a
 * key pair of the test's own.
 */
describe('alerts that Google Cloud pushes to the daemon', () => {
  const world: GcpWorld = gcpWorld();
  let server: GcpServer;
  let issuer: TokenIssuer;
  let home: Home;
  let daemon: DaemonProcess;
  let sent = 0;

  beforeAll(async () => {
    server = await startGcpServer({ impersonates: [], answer: (called) => world.answer(called) });
    issuer = await startTokenIssuer();
    world.deploy(name, 'web-00001-aaa', 'ci@shop-prod.iam.gserviceaccount.com');
    home = makeHome();
    const token = home.write('token', 'subject');
    writeFileSync(path.join(home.folder, 'credentials.json'), server.credentials(token));
    home.write('watchkeeper.yaml', {
      resources: { services: 'resources', inherit: [] },
      sources: [
        {
          ...{ id: 'gcp', kind: 'gcp', endpoint: server.url, discover: false, projects: [{ id: 'shop-prod' }] },
          ...{ interval: '10m', sweep: '10m' },
          push: { audience, serviceAccount: email, subscriptions: [subscription], keys: issuer.keysUrl },
        },
      ],
      incidents: { grace: '2s', patience: '2s' },
    });
    home.write(
      'resources/web.yaml',
      document('Service', 'web', { runsOn: [{ gcp: { location: 'europe-west1', run: 'web' } }] }),
    );
    const shipped = path.resolve(import.meta.dirname, '../../detectors/external-alerts.yaml');
    home.write('resources/external-alerts.yaml', readFileSync(shipped, 'utf8'));
    daemon = await startDaemon(home, {
      environment: { GOOGLE_APPLICATION_CREDENTIALS: path.join(home.folder, 'credentials.json') },
      readyWithinMs: 60_000,
    });
    await until('it has looked once', () => looks() === 1, 60_000);
  }, 120_000);

  afterAll(async () => {
    await daemon.stop();
    await Promise.all([server.close(), issuer.close()]);
    home.remove();
  });

  const looks = (): number => server.called.filter(({ method }) => method === 'monitoring alerts.list').length;
  const incidents = async (): Promise<readonly IncidentBrief[]> =>
    (await daemon.incidents()).filter(({ services }) => services.includes('web'));

  async function push(state: string, signed: 'good' | 'other' = 'good'): Promise<number> {
    const claims = { iss: 'https://accounts.google.com', aud: audience, sub: '1', email, email_verified: true };
    const data = Buffer.from(JSON.stringify({ version: '1.2', incident: { incident_id: '0.abc', state } }));
    const message = { data: data.toString('base64'), messageId: `${++sent}`, publishTime: new Date().toISOString() };
    const answer = await fetch(`${daemon.url}/hooks/gcp`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await issuer.sign(claims, { key: signed })}` },
      body: JSON.stringify({ message, subscription }),
    });
    return answer.status;
  }

  test('one that is forged is refused, makes nobody look, and stands in the ledger', async () => {
    expect(await push('open', 'other')).toBe(401);
    const refused = (await daemon.ledger()).filter(({ entry }) => entry.type === 'request-refused');
    expect(refused.map((one) => JSON.stringify(one))).toEqual([expect.stringContaining('"via":"hook:gcp"')]);
    expect(looks()).toBe(1);
  }, 60_000);

  test('one is an incident at once, the same one however often it is pushed and found, and is over as it closes', async () => {
    world.alerts.push({
      ...{ name: 'projects/shop-prod/alerts/0.abc', state: 'OPEN', openTime: new Date().toISOString() },
      resource: { type: 'cloud_run_revision', labels: { service_name: 'web', location: 'europe-west1' } },
      policy: { displayName: 'web is slow', severity: 'CRITICAL' },
    });
    expect(await push('open')).toBe(200);
    await until('there is an incident', async () => (await incidents()).length > 0, 60_000);
    expect(await push('open')).toBe(200);
    await until('it has looked again', () => looks() === 3, 60_000);
    expect(await incidents()).toHaveLength(1);
    world.alerts.length = 0;
    expect(await push('closed')).toBe(200);
    await until('it is over', async () => (await incidents())[0]?.status === 'resolved', 120_000);
    expect(await incidents()).toHaveLength(1);
    expect(server.violations).toEqual([]);
  }, 240_000);
});
