import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import { endpoint, ok, type Endpoint } from '../endpoint.ts';
import { list, zSeverity } from '../schemas/common.ts';
import { zPendingApproval } from '../schemas/decisions.ts';
import { zAlert } from '../schemas/incidents.ts';
import { zApprovalView, zCharts, zIncidentPage, zOverview, zServiceDetail } from '../schemas/pages.ts';
import { zIncidentView, zServiceView, zStatusView } from '../schemas/views.ts';
import { zCount, zId } from '../values.ts';

const mostListed = 1_000;

function found<T>(value: T | undefined, what: string): T {
  if (value !== undefined) return value;
  throw new WatchkeeperError('not-found', `there is no ${what}`);
}

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
    path: '/api/v1/overview',
    id: 'getOverview',
    tag: 'watch',
    summary: 'What is happening now, small enough for every look.',
    needs: 'read',
    answers: { 200: { description: 'Now, in little.', schema: zOverview } },
    handle: ({ agent }) => ok(agent.overview()),
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
    path: '/api/v1/services/{name}',
    id: 'getService',
    tag: 'services',
    summary: 'One service: its owner, objectives and error budgets, what may be done to it, and what came of that.',
    needs: 'read',
    params: z.strictObject({ name: zId }),
    answers: { 200: { description: 'The service.', schema: zServiceDetail } },
    handle: ({ agent, params }) => ok(found(agent.service(params.name), `service ${params.name}`)),
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
    summary: 'Open incidents, or all that are kept; the newest first, a page at a time.',
    description:
      'A filter that few incidents pass may give a short page, or an empty one: go on while there is a next one.',
    needs: 'read',
    query: z.strictObject({
      limit: zCount(50, mostListed, `How many, at most ${mostListed}.`),
      status: z.enum(['open', 'resolved', 'all']).default('open'),
      severity: zSeverity.exactOptional(),
      service: zId.exactOptional().describe('Any of its services.'),
      cursor: zId.exactOptional().describe('"next" of the page before.'),
    }),
    answers: { 200: { description: 'A page.', schema: zIncidentPage } },
    handle: async ({ agent, query: { limit, ...query } }) =>
      ok(await agent.incidents({ ...query, limit: Math.max(1, limit) })),
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
      const view = await agent.incident(params.id);
      if (view) return ok(view);
      throw new WatchkeeperError('not-found', `no incident ${params.id}`, {
        fix: 'List them with "watchkeeper incidents --all"; of one that is no longer kept, "watchkeeper ledger show --incident ID" has the entries.',
      });
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/incidents/{id}/charts',
    id: 'getIncidentCharts',
    tag: 'incidents',
    summary: 'The signals of an incident while it lasted, what was expected of them, and what happened beside.',
    needs: 'read',
    params: z.strictObject({ id: zId }),
    answers: { 200: { description: 'The charts.', schema: zCharts } },
    handle: async ({ agent, params }) => ok(found(await agent.charts(params.id), `incident ${params.id}`)),
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/approvals/{id}',
    id: 'getApproval',
    tag: 'approvals',
    summary: 'One plan that waits, or waited, for people: what it would touch, why, and whether the caller may answer.',
    needs: 'read',
    params: z.strictObject({ id: zId }),
    answers: { 200: { description: 'The question.', schema: zApprovalView } },
    handle: async ({ agent, who, params }) =>
      ok(found(await agent.approval(params.id, who), `question about a plan ${params.id}`)),
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
