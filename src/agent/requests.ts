import type { Incident } from '../domain/alert.ts';
import type { LedgerSubject } from '../domain/ledger.ts';
import { limits } from '../lib/limits.ts';
import { oneLine } from '../lib/text.ts';
import type { Cases } from './cases/index.ts';
import type { Agent } from './facade.ts';
import type { Watch } from './watch.ts';

const shortestPrefix = 4;
const shortestPlanPrefix = 8;

/** Takes what people ask for about incidents, and writes down what is refused. */
export function createRequests(watch: Watch, cases: Cases): Pick<Agent, 'request' | 'refused'> {
  const refuse = async (
    actor: string,
    subject: LedgerSubject,
    what: string,
    via: string,
    reason: string,
    from?: string,
  ): Promise<void> => {
    const atMs = watch.clock.nowMs();
    const origin = from === undefined ? {} : { from: oneLine(from, 60) };
    const payload = { reason: oneLine(reason, limits.requestReasonChars), ...origin };
    const body = { request: what, via };
    await watch.refusals.note({ type: 'request-refused', actor, atMs, subject, body, payload }, from);
  };
  return {
    request: async (about, request, via) => {
      const found = incidentAbout(watch, about);
      const result =
        typeof found === 'string' ? ({ is: 'refused', message: found } as const) : await cases.asked(found, request);
      if (result.is === 'refused') {
        const subject = typeof found === 'string' ? {} : { incident: found.id, service: found.service };
        await refuse(request.who.id, subject, request.what, via, result.message);
      }
      return result;
    },
    refused: (who, what, via, because, from) => refuse(oneLine(who, 200), {}, oneLine(what, 100), via, because, from),
  };
}

/** The open incident that is meant, or the sentence why there is none. */
function incidentAbout(watch: Watch, about: string): Incident | string {
  const open = watch.state().incidents.filter(({ status, mergedInto }) => status !== 'resolved' && !mergedInto);
  const named = about.length < shortestPrefix ? [] : open.filter(({ id }) => id.startsWith(about));
  const exact = open.find(({ id }) => id === about) ?? (named.length === 1 ? named[0] : undefined);
  if (exact) return exact;
  const shown = oneLine(about, 80);
  if (named.length > 1) return `${shown} names ${named.length} incidents; give more of the id`;
  const asked =
    about.length < shortestPlanPrefix
      ? undefined
      : watch
          .approvals()
          .waiting()
          .find(({ planId }) => planId.startsWith(about));
  return open.find(({ id }) => id === asked?.incidentId) ?? `no open incident is called ${shown}`;
}
