import * as z from 'zod';

import { parseDuration } from '../../lib/duration.ts';
import { limits } from '../../lib/limits.ts';
import type { CaseRequest } from '../../agent/index.ts';
import { endpoint, ok, reply, type Call, type Endpoint } from '../endpoint.ts';
import { zRequestResult } from '../schemas/decisions.ts';
import { zId } from '../values.ts';

const params = z.strictObject({ id: zId });
const reason = z
  .string()
  .min(1)
  .max(limits.requestReasonChars)
  .meta({ description: 'Why. It stands in the ledger.' })
  .exactOptional();
const zDuration = z
  .string()
  .transform((text, context): number => {
    const ms = parseDuration(text);
    if (ms !== undefined) return ms;
    context.issues.push({ code: 'custom', message: 'a duration such as 30m or 2h is expected', input: text });
    return z.NEVER;
  })
  .meta({ type: 'string', description: 'A duration such as 30m or 2h.' });
const answers = {
  200: { description: 'It is done.', schema: zRequestResult },
  409: { description: 'It is refused, and why. That is in the ledger too.', schema: zRequestResult },
} as const;

async function ask({ agent, params: { id } }: Call<{ readonly id: string }, undefined, unknown>, request: CaseRequest) {
  const result = await agent.request(id, request, 'api');
  return result.is === 'done' ? ok(result) : reply(409, result);
}

/** What a person asks for about one open incident: by its id, the beginning of it, or the plan that waits for it. */
export const asking: readonly Endpoint[] = [
  endpoint({
    method: 'post',
    path: '/api/v1/incidents/{id}/snooze',
    id: 'snoozeIncident',
    tag: 'incidents',
    summary: 'Puts off being called further about an incident; it ends when that gets worse.',
    needs: 'answer',
    params,
    body: z.strictObject({ for: zDuration, reason }),
    answers,
    handle: (call) => {
      const { for: forMs, ...rest } = call.body;
      return ask(call, { what: 'snooze', who: call.who, forMs, ...rest });
    },
  }),
  endpoint({
    method: 'post',
    path: '/api/v1/incidents/{id}/hand-over',
    id: 'handOverIncident',
    tag: 'incidents',
    summary: 'Calls somebody else about an incident, now: whoever comes next, or whom `to` names.',
    needs: 'answer',
    params,
    body: z.strictObject({
      to: z
        .string()
        .min(1)
        .max(300)
        .meta({ description: 'An escalation, or a person or conversation that one names.' })
        .exactOptional(),
      reason,
    }),
    answers,
    handle: (call) => ask(call, { what: 'hand-over', who: call.who, ...call.body }),
  }),
  endpoint({
    method: 'post',
    path: '/api/v1/incidents/{id}/runbook',
    id: 'chooseRunbook',
    tag: 'incidents',
    summary: "Proposes another runbook or other parameters, in the caller's name; policy decides as ever.",
    needs: 'answer',
    params,
    body: z.strictObject({ runbook: z.string().min(1).max(200), params: z.record(z.string(), z.json()).default({}) }),
    answers,
    handle: (call) => ask(call, { what: 'runbook', who: call.who, ...call.body }),
  }),
];
