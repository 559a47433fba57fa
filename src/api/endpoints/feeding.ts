import type { Accepted } from '../../agent/index.ts';
import { endpoint, type Endpoint } from '../endpoint.ts';
import { zJson } from '../schemas/common.ts';
import { zAccepted } from '../schemas/views.ts';

const answers = {
  202: { description: 'Taken, with what there is to say about it.', schema: zAccepted },
  400: { description: 'Nothing of it could be taken, and why.', schema: zAccepted },
} as const;

function came(body: Accepted): { readonly status: 202 | 400; readonly body: Accepted } {
  return { status: body.accepted === 0 && body.problems.length > 0 ? 400 : 202, body };
}

/** Where others tell us things. What they send is checked by the source it belongs to. */
export const feeding: readonly Endpoint[] = [
  endpoint({
    method: 'post',
    path: '/api/v1/changes',
    id: 'announceChange',
    tag: 'feeds',
    summary: 'A CI/CD system announces a deploy or another change.',
    description: 'See docs/sources.md for what it takes.',
    needs: 'feed',
    body: zJson,
    answers,
    handle: async ({ agent, who, body }) => came(await agent.announce(body, who)),
  }),
  endpoint({
    method: 'post',
    path: '/api/v1/webhooks/alertmanager',
    id: 'receiveAlertmanager',
    tag: 'feeds',
    summary: "Alertmanager's webhook, version 4.",
    needs: 'feed',
    body: zJson,
    answers,
    handle: async ({ agent, body }) => came(await agent.alertmanager(body)),
  }),
];
