import * as z from 'zod';

import { endpoint, ok, reply, type Endpoint } from '../endpoint.ts';
import { zReadiness } from '../schemas/views.ts';

const text = z.string();

/** What probes and scrapers read: open to everybody, and without a secret in it. */
export const probes: readonly Endpoint[] = [
  endpoint({
    method: 'get',
    path: '/healthz',
    id: 'getHealth',
    tag: 'probes',
    summary: 'The process answers.',
    needs: 'nothing',
    answers: { 200: { description: 'It does.', schema: text, type: 'text/plain; charset=utf-8' } },
    handle: () => ok('ok\n'),
  }),
  endpoint({
    method: 'get',
    path: '/readyz',
    id: 'getReadiness',
    tag: 'probes',
    summary: 'Whether it watches, and if not, why.',
    needs: 'nothing',
    answers: {
      200: { description: 'It watches.', schema: zReadiness },
      503: { description: 'It does not.', schema: zReadiness },
    },
    handle: ({ agent }) => {
      const body = agent.readiness();
      return body.ready ? ok(body) : reply(503, body);
    },
  }),
  endpoint({
    method: 'get',
    path: '/metrics',
    id: 'getMetrics',
    tag: 'probes',
    summary: "The daemon's own metrics, for Prometheus.",
    needs: 'nothing',
    answers: {
      200: { description: 'Exposition.', schema: text, type: 'text/plain; version=0.0.4; charset=utf-8' },
    },
    handle: async ({ agent }) => ok(await agent.metrics()),
  }),
];
