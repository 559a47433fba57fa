import * as z from 'zod';

import { endpoint, ok, reply, type Endpoint } from '../endpoint.ts';
import { zReadiness } from '../schemas/views.ts';

const text = z.string();

/** What probes, scrapers and the sign-in page read: open to everybody, and without a secret in it. */
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
  endpoint({
    method: 'get',
    path: '/auth/ways',
    id: 'listWaysIn',
    tag: 'about',
    summary: 'Whether people can sign in on the page, at /auth/login.',
    needs: 'nothing',
    answers: { 200: { description: 'How.', schema: z.object({ login: z.boolean() }) } },
    handle: ({ login }) => ok({ login }),
  }),
];
