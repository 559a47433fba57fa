import * as z from 'zod';

import { endpoint, ok, type Endpoint } from '../endpoint.ts';
import { list, zJson } from '../schemas/common.ts';
import { zPlanView } from '../schemas/decisions.ts';
import { zMatrix, zRunbook } from '../schemas/pages.ts';

/** What may be done. */
export const policy: readonly Endpoint[] = [
  endpoint({
    method: 'get',
    path: '/api/v1/policy/matrix',
    id: 'getPolicyMatrix',
    tag: 'policy',
    summary: 'Every step of a runbook against every service: the most that policy lets happen, and by which rule.',
    description: 'With many services it is reckoned a part at a time, and kept: ask again until it is complete.',
    needs: 'read',
    answers: { 200: { description: 'The matrix, as far as it is reckoned.', schema: zMatrix } },
    handle: ({ agent }) => ok(agent.matrix()),
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/runbooks',
    id: 'listRunbooks',
    tag: 'policy',
    summary: 'The runbooks in force, with their parameters.',
    needs: 'read',
    answers: { 200: { description: 'Runbooks.', schema: z.object({ runbooks: list(zRunbook) }) } },
    handle: ({ agent }) => ok({ runbooks: agent.runbooks() }),
  }),
  endpoint({
    method: 'post',
    path: '/api/v1/plan',
    id: 'planRunbook',
    tag: 'policy',
    summary:
      'What a runbook would do to a service now, and whether that would be allowed, by which rules. Changes nothing.',
    needs: 'plan',
    body: z.strictObject({
      runbook: z.string().min(1).max(200),
      service: z.string().min(1).max(200),
      params: z.record(z.string().max(200), zJson).default({}),
    }),
    answers: { 200: { description: 'The plan and the decision, or why there is none.', schema: zPlanView } },
    handle: async ({ agent, body }) => ok(await agent.plan(body.runbook, body.service, body.params)),
  }),
];
