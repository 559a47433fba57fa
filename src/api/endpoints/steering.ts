import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import { endpoint, ok, reply, type Endpoint } from '../endpoint.ts';
import { list } from '../schemas/common.ts';
import { zAnswerResult } from '../schemas/decisions.ts';
import { zId } from '../values.ts';

const zReason = z.strictObject({
  reason: z.string().min(1).max(500).meta({ description: 'Why. It stands in the ledger.' }),
});
const zPaused = z.object({ paused: z.boolean() });

/** Everything by which somebody steers the watch. Each is recorded under the caller's name (I15). */
export const steering: readonly Endpoint[] = [
  endpoint({
    method: 'post',
    path: '/api/v1/approvals/{id}',
    id: 'answerApproval',
    tag: 'approvals',
    summary: "Consents to a plan that waits, or denies it; under the caller's name.",
    description:
      "By the plan's id or the beginning of it, of eight characters at least. An answer that does not count is refused with its reason, and is in the ledger.",
    needs: 'answer',
    params: z.strictObject({ id: zId }),
    body: z.strictObject({
      verdict: z.enum(['approve', 'deny']),
      comment: z.string().max(500).exactOptional(),
      incident: zId.exactOptional().meta({
        description: 'The incident that the question was shown with. An answer for another one does not count.',
      }),
    }),
    answers: {
      200: { description: 'It was taken.', schema: zAnswerResult },
      409: { description: 'It does not count, and why.', schema: zAnswerResult },
    },
    handle: async ({ agent, who, params, body: { verdict, comment, incident } }) => {
      const body = await agent.answer(params.id, who, verdict, 'api', comment, incident);
      if (body.is === 'recorded') return ok(body);
      if (body.unknown !== true) return reply(409, body);
      throw new WatchkeeperError('not-found', body.message, {
        fix: 'What waits, with its id: "watchkeeper status", or GET /api/v1/approvals.',
      });
    },
  }),
  endpoint({
    method: 'post',
    path: '/api/v1/pause',
    id: 'pause',
    tag: 'watch',
    summary: 'Stops the hand: nothing is done any more until it is resumed.',
    needs: 'pause',
    body: zReason,
    answers: { 200: { description: 'Nothing is done now.', schema: zPaused } },
    handle: async ({ agent, who, body }) => {
      await agent.pause(who, body.reason);
      return ok({ paused: true });
    },
  }),
  endpoint({
    method: 'post',
    path: '/api/v1/resume',
    id: 'resume',
    tag: 'watch',
    summary: 'Lets the hand act again.',
    needs: 'resume',
    body: zReason,
    answers: { 200: { description: 'It may act again.', schema: zPaused } },
    handle: async ({ agent, who, body }) => {
      await agent.resume(who, body.reason);
      return ok({ paused: false });
    },
  }),
  endpoint({
    method: 'post',
    path: '/api/v1/reload',
    id: 'reload',
    tag: 'watch',
    summary: 'Reads the resources anew, now.',
    needs: 'reload',
    answers: {
      200: { description: 'What came of it.', schema: z.object({ ok: z.boolean(), problems: list(z.string()) }) },
    },
    handle: async ({ agent }) => ok(await agent.reload()),
  }),
];
