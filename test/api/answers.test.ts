import { beforeAll, describe, expect, it } from 'vitest';

import { table } from '../../src/api/table.ts';
import { waitingWorld, type WaitingWorld } from '../support/api-world.ts';

let here: WaitingWorld;
beforeAll(async () => {
  here = await waitingWorld();
});

interface Asked {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly body?: unknown;
  readonly token?: string;
  readonly status?: number;
}

// How each endpoint is asked, in this order. One that is not here fails the first test.
const asked: Readonly<Record<string, (world: WaitingWorld) => readonly Asked[]>> = {
  getHealth: () => [{}],
  listWaysIn: () => [{}],
  getReadiness: () => [{}],
  getMetrics: () => [{}],
  getOpenApi: () => [{}],
  getStatus: () => [{}],
  listServices: () => [{}],
  listAlerts: () => [{}],
  whoAmI: () => [{}, { token: 'reporter-token' }],
  logOut: () => [{}],
  listenToEvents: () => [],
  getOverview: () => [{}, { token: 'reporter-token', status: 403 }],
  getService: () => [{ params: { name: 'checkout' } }, { params: { name: 'nothing' }, status: 404 }],
  listRunbooks: () => [{}],
  getIncidentCharts: ({ waiting }) => [
    { params: { id: waiting.incidentId } },
    { params: { id: 'ffffffff' }, status: 404 },
  ],
  getApproval: ({ waiting }) => [
    { params: { id: waiting.planId }, token: 'ana-token' },
    { params: { id: 'ffffffff' }, status: 404 },
  ],
  getLedgerEntry: () => [{ params: { seq: '3' } }, { params: { seq: '999999' }, status: 404 }],
  listIncidents: () => [
    {},
    { query: '?status=all&limit=1' },
    { query: '?status=resolved&severity=critical&service=checkout' },
    { query: '?status=closed', status: 400 },
    { query: '?token=admin-token', status: 400 },
    { query: '?limit=1&limit=2', status: 400 },
  ],
  getIncident: ({ waiting }) => [{ params: { id: waiting.incidentId } }],
  listApprovals: () => [{}],
  getPolicyMatrix: () => [{}],
  planRunbook: () => [
    { body: { runbook: 'roll-back-bad-deploy', service: 'checkout' } },
    { body: { runbook: 'nothing', service: 'checkout', params: { deep: [{ a: null }] } }, status: 404 },
    { body: { runbook: 'roll-back-bad-deploy', service: 'nobodys' }, status: 404 },
  ],
  getLedger: () => [{}],
  listLedgerEntries: () => [{}, { query: '?from=3&limit=2' }],
  getLedgerProof: () => [{ params: { seq: '3' } }],
  exportLedger: () => [{ body: { folder: '/srv/export' } }, { body: { folder: 'srv' }, status: 400 }],
  pause: () => [{ body: { reason: 'a test' } }],
  resume: () => [{ body: { reason: 'a test' } }],
  reload: () => [{}],
  announceChange: () => [
    { body: { service: 'checkout', version: 'v9' }, status: 202 },
    { body: {}, status: 400 },
  ],
  receiveAlertmanager: () => [{ body: {}, status: 400 }],
  snoozeIncident: ({ waiting }) => [
    { params: { id: waiting.incidentId }, body: { for: 'soon' }, status: 400 },
    { params: { id: waiting.incidentId }, body: { for: '30d' }, status: 409 },
    { params: { id: waiting.incidentId }, body: { for: '1h', reason: 'a test' } },
  ],
  handOverIncident: ({ waiting }) => [
    { params: { id: waiting.incidentId }, body: { to: 'nobody' }, status: 409 },
    { params: { id: 'nothing' }, body: {}, status: 409 },
  ],
  chooseRunbook: ({ waiting }) => [{ params: { id: waiting.incidentId }, body: { runbook: 'nothing' }, status: 409 }],
  answerApproval: ({ waiting }) => [
    { params: { id: waiting.planId }, body: { verdict: 'approve' }, token: 'viewer-token', status: 403 },
    { params: { id: waiting.planId }, body: { verdict: 'approve' }, status: 409 },
    { params: { id: waiting.planId }, body: { verdict: 'approve' }, token: 'ana-token' },
  ],
};

describe('the answers of every endpoint are what the document says', () => {
  it('and every endpoint is asked', () => {
    expect(table.map(({ id }) => id).filter((id) => asked[id] === undefined)).toEqual([]);
  });

  it.each(Object.keys(asked))('%s', async (id) => {
    const one = table.find((each) => each.id === id);
    if (one === undefined) throw new Error(`there is no endpoint ${id}`);
    for (const { params = {}, query = '', body, token = 'admin-token', status = 200 } of asked[id]?.(here) ?? []) {
      const path = one.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
      const response = await here.app.request(`${path}${query}`, {
        method: one.method.toUpperCase(),
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      expect([response.status, text]).toEqual([status, text]);
      expect(response.headers.get('cache-control')).toBe('no-store');
      const spec = one.answers[status];
      if (spec === undefined) {
        expect(response.headers.get('content-type')).toBe('application/problem+json');
        continue;
      }
      expect(response.headers.get('content-type')).toBe(spec.type ?? 'application/json');
      if (spec.type !== undefined) continue;
      // What the schema does not know is dropped by parsing it: then the two differ.
      const answer: unknown = JSON.parse(text);
      expect(spec.schema.parse(answer)).toEqual(answer);
    }
  });
});
