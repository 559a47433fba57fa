import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import { endpoint, ok, type Endpoint } from '../endpoint.ts';
import { list } from '../schemas/common.ts';
import { zPendingApproval } from '../schemas/decisions.ts';
import { zAlert, zIncident } from '../schemas/incidents.ts';
import { zIncidentView, zServiceView, zStatusView } from '../schemas/views.ts';
import { zCount, zFlag, zId } from '../values.ts';

const mostListed = 1_000;

/** What is happening now, and what happened. */
export const looking: readonly Endpoint[] = [
  endpoint({
    method: 'get',
    path: '/api/v1/status',
    id: 'getStatus',
    tag: 'watch',
    summary: 'What the watch sees and does now.',
    needs: 'read',
    answers: { 200: { description: 'Now.', schema: zStatusView } },
    handle: ({ agent }) => ok(agent.status()),
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/services',
    id: 'listServices',
    tag: 'services',
    summary: 'Every service, with its signals, changes and alerts.',
    needs: 'read',
    answers: { 200: { description: 'Services.', schema: z.object({ services: list(zServiceView) }) } },
    handle: ({ agent }) => ok({ services: agent.services() }),
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/alerts',
    id: 'listAlerts',
    tag: 'incidents',
    summary: 'Alerts that are pending or firing.',
    needs: 'read',
    answers: { 200: { description: 'Alerts.', schema: z.object({ alerts: list(zAlert) }) } },
    handle: ({ agent }) => ok({ alerts: agent.alerts() }),
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/incidents',
    id: 'listIncidents',
    tag: 'incidents',
    summary: 'Open incidents, or all that are kept; the newest first.',
    needs: 'read',
    query: z.strictObject({
      limit: zCount(50, mostListed, `How many, at most ${mostListed}.`),
      all: zFlag('Resolved ones too.'),
    }),
    answers: { 200: { description: 'Incidents.', schema: z.object({ incidents: list(zIncident) }) } },
    handle: async ({ agent, query }) => ok({ incidents: await agent.incidents(query) }),
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/incidents/{id}',
    id: 'getIncident',
    tag: 'incidents',
    summary: 'One incident with everything that belongs to it.',
    description: 'By its id, or the beginning of it, of four characters at least, when that names one.',
    needs: 'read',
    params: z.strictObject({ id: zId }),
    answers: { 200: { description: 'The incident.', schema: zIncidentView } },
    handle: async ({ agent, params }) => {
      const found = await agent.incident(params.id);
      if (found) return ok(found);
      throw new WatchkeeperError('not-found', `no incident ${params.id}`, {
        fix: 'List them with "watchkeeper incidents --all"; of one that is no longer kept, "watchkeeper ledger show --incident ID" has the entries.',
      });
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/approvals',
    id: 'listApprovals',
    tag: 'approvals',
    summary: 'Plans that wait for people.',
    needs: 'read',
    answers: { 200: { description: 'What waits.', schema: z.object({ approvals: list(zPendingApproval) }) } },
    handle: ({ agent }) => ok({ approvals: agent.approvals() }),
  }),
];
