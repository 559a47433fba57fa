import type { Incident } from '../../domain/alert.ts';
import type { Principal } from '../../domain/authority.ts';
import type { Notice } from '../../domain/ports/channel.ts';
import { limits } from '../../lib/limits.ts';
import { oneLine } from '../../lib/text.ts';
import type { Address } from '../ladder-calls.ts';
import type { RequestResult } from '../views.ts';
import { serviceOf } from './facts.ts';
import { noticeId, noticeOf } from './notices.ts';
import { endSnooze } from './snooze.ts';
import type { CaseWork } from './work.ts';

/**
 * Calls somebody else about an incident, now: without `to` whoever comes next on the ladder, else an escalation by its name,
 * or a person or conversation that some escalation names. The ladder goes on behind them if they do not answer.
 */
export async function handOver(
  work: CaseWork,
  incident: Incident,
  who: Principal,
  to?: string,
  reason?: string,
): Promise<RequestResult> {
  const { watch } = work;
  const target = to === undefined ? undefined : targetOf(work, to);
  if (to !== undefined && target === undefined) {
    const known = [...watch.resources().escalations.keys()].sort().slice(0, 20).join(', ');
    const message = `no escalation is called ${oneLine(to, 100)}, and none names it; there are: ${known}`;
    return { is: 'refused', message };
  }
  await endSnooze(work, incident, `${who.id} handed it over`, who.id);
  if (target === undefined) {
    if (!watch.ladder.calls().some((call) => !call.done && call.climbs && call.notice.incident?.id === incident.id))
      return { is: 'refused', message: 'nobody is left to be called: everybody on the ladder was told' };
    await record(work, incident, who, 'the next rung', reason);
    await watch.ladder.goOn(incident.id);
    return { is: 'done', message: 'Whoever comes next is being called.' };
  }
  const notice = handedOver(work, incident, who, reason);
  await record(work, incident, who, target.named, reason);
  await watch.ladder.answered(incident.id, `${who.id} handed it over to ${target.named}`);
  await watch.ladder.call(notice, target.escalation ?? serviceOf(watch, incident).owner.escalate, true, target.first);
  return { is: 'done', message: `${target.named} is being called.` };
}

interface HandOverTarget {
  readonly named: string;
  readonly escalation?: string;
  readonly first?: readonly Address[];
}

// Only who is written somewhere: an approver must not be able to make us write to anybody in the world.
function targetOf({ watch }: CaseWork, to: string): HandOverTarget | undefined {
  const { escalations } = watch.resources();
  if (escalations.has(to)) return { named: to, escalation: to };
  for (const { steps, approvers } of escalations.values()) {
    for (const address of steps.flatMap(({ notify }) => notify)) {
      if (`${address.channel}:${address.address}` === to || (address.address === '' && address.channel === to))
        return { named: to, first: [address] };
    }
    if (Object.values(approvers).some((people) => people.includes(to))) {
      const colon = to.indexOf(':');
      return { named: to, first: [{ channel: to.slice(0, colon), address: to.slice(colon + 1) }] };
    }
  }
  return undefined;
}

// What was told last that still asks something, so that who takes over gets the same card and the same buttons.
function handedOver({ watch, files }: CaseWork, incident: Incident, who: Principal, reason?: string): Notice {
  const atMs = watch.clock.nowMs();
  const held = new Set(incident.alerts);
  const { diagnosis } = files.get(incident.id);
  const last = watch.ladder
    .calls()
    .findLast((call) => call.climbs && !call.done && call.notice.incident?.id === incident.id)?.notice;
  const base =
    last ??
    noticeOf('opened', {
      incident,
      alerts: watch.state().alerts.filter((alert) => held.has(alert.fingerprint)),
      atMs,
      ...(diagnosis ? { diagnosis } : {}),
    });
  const because = reason === undefined ? '' : `: ${oneLine(reason, limits.requestReasonChars)}`;
  return {
    ...base,
    id: noticeId(base.kind, incident.id, `handed-over/${atMs}`),
    atMs,
    incident,
    lines: [`${who.id} handed it over${because}`, ...base.lines],
  };
}

async function record(
  { watch, files }: CaseWork,
  incident: Incident,
  who: Principal,
  to: string,
  reason?: string,
): Promise<void> {
  const payload = { to, ...(reason === undefined ? {} : { reason: oneLine(reason, limits.requestReasonChars) }) };
  const subject = { incident: incident.id, service: incident.service };
  await files.write(
    incident.id,
    {},
    [{ type: 'handed-over', actor: who.id, atMs: watch.clock.nowMs(), subject, body: {}, payload }],
    [`${who.id} handed it over to ${to}`],
  );
}
