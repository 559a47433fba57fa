import { startGcpServer } from '../../support/gcp/server.ts';
import { gcpWorld } from '../../support/gcp/world.ts';
import { startTokenIssuer } from '../../support/token-issuer.ts';
import type { Home } from './daemon.ts';
import type { PushingCloud } from './pushing-cloud.ts';

const audience = 'https://watchkeeper.shop.example/hooks/gcp';
const email = 'alerts-push@shop-prod.iam.gserviceaccount.com';
const subscription = 'projects/shop-prod/subscriptions/watchkeeper';
const name = 'projects/shop-prod/locations/europe-west1/services/web';

/** Google Cloud with one service, whose alerts Pub/Sub pushes. */
export async function pushingGcp(home: Home): Promise<PushingCloud> {
  const world = gcpWorld();
  const server = await startGcpServer({ impersonates: [], answer: (called) => world.answer(called) });
  const issuer = await startTokenIssuer();
  world.deploy(name, 'web-00001-aaa', 'ci@shop-prod.iam.gserviceaccount.com');
  let sent = 0;
  return {
    source: {
      ...{ id: 'gcp', kind: 'gcp', endpoint: server.url, discover: false, projects: [{ id: 'shop-prod' }] },
      push: { audience, serviceAccount: email, subscriptions: [subscription], keys: issuer.keysUrl },
    },
    runsOn: { gcp: { location: 'europe-west1', run: 'web' } },
    environment: {
      GOOGLE_APPLICATION_CREDENTIALS: home.write(
        'credentials.json',
        server.credentials(home.write('token', 'subject')),
      ),
    },
    looks: () => server.called.filter(({ method }) => method === 'monitoring alerts.list').length,
    fires: () => {
      world.alerts.push({
        ...{ name: 'projects/shop-prod/alerts/0.abc', state: 'OPEN', openTime: new Date().toISOString() },
        resource: { type: 'cloud_run_revision', labels: { service_name: 'web', location: 'europe-west1' } },
        policy: { displayName: 'web is slow', severity: 'CRITICAL' },
      });
    },
    isOver: () => {
      world.alerts.splice(0, 1, { ...world.alerts[0], state: 'CLOSED' });
    },
    message: async (state, key) => {
      const claims = { iss: 'https://accounts.google.com', aud: audience, sub: '1', email, email_verified: true };
      const incident = { incident_id: '0.abc', state: state === 'fired' ? 'open' : 'closed' };
      const data = Buffer.from(JSON.stringify({ version: '1.2', incident })).toString('base64');
      const message = { data, messageId: `${++sent}`, publishTime: new Date().toISOString() };
      return { token: await issuer.sign(claims, { key }), body: { message, subscription } };
    },
    violations: () => server.violations,
    close: async () => {
      await Promise.all([server.close(), issuer.close()]);
    },
  };
}
