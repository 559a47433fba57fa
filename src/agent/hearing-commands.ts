import type { Principal } from '../domain/authority.ts';
import type { Escalation } from '../domain/definitions.ts';
import { formatDuration, parseDuration } from '../lib/duration.ts';
import type { Json } from '../lib/json.ts';
import { oneLine } from '../lib/text.ts';
import type { Agent } from './facade.ts';
import type { IncidentView, RequestResult, StatusView } from './views.ts';

/** The group of those whom a channel's own settings let lift the kill switch. */
export const chatOperators = 'chat:operators';

/** What commands are obeyed with. */
export interface CommandDesk {
  readonly agent: Pick<
    Agent,
    'answer' | 'status' | 'incident' | 'pause' | 'resume' | 'approvals' | 'request' | 'refused'
  >;
  readonly escalations: () => ReadonlyMap<string, Escalation>;
}

const known =
  'I know: status, explain ID, approve ID, deny ID, ack ID, snooze ID 1h, hand-over ID [TO], runbook ID NAME key=value, pause REASON, resume REASON.';

/** Does what somebody said in chat, and gives what to reply. @throws what the agent throws. */
export async function obey(desk: CommandDesk, words: string, who: Principal, via: string): Promise<string> {
  const { agent } = desk;
  const [verb = '', ...rest] = words.trim().split(/\s+/);
  const [about = '', ...more] = rest;
  switch (verb.toLowerCase()) {
    case 'status':
      return statusText(agent.status());
    case 'explain': {
      const found = about === '' ? undefined : await agent.incident(about);
      return found === undefined ? `There is no incident ${about || 'without an id'}.` : incidentText(found);
    }
    case 'approve':
    case 'deny': {
      const verdict = verb.toLowerCase() === 'approve' ? 'approve' : 'deny';
      return (await agent.answer(about, who, verdict, via, more.join(' ') || undefined)).message;
    }
    case 'pause':
      if (!isKnown(desk, who)) return turnAway(desk, who, 'pause', via, isUnknown(who, 'pause'));
      await agent.pause(who, rest.join(' ') || 'no reason given');
      return 'Paused: Watchkeeper observes and says what it sees, and acts on nothing until somebody resumes it.';
    case 'resume':
      if (!who.groups.includes(chatOperators))
        return turnAway(
          desk,
          who,
          'resume',
          via,
          `${who.id} is not among the operators of this channel, and may not resume`,
        );
      await agent.resume(who, rest.join(' ') || 'no reason given');
      return 'Resumed: Watchkeeper acts again, inside its policies.';
    case 'ack':
    case 'snooze':
    case 'hand-over':
    case 'handover':
    case 'runbook':
      return ask(desk, verb.toLowerCase(), about, more, who, via);
    case '':
    case 'help':
      return known;
    default:
      await desk.agent.refused(who.id, oneLine(verb, 40), via, 'there is no such command');
      return known;
  }
}

async function ask(
  desk: CommandDesk,
  verb: string,
  about: string,
  more: readonly string[],
  who: Principal,
  via: string,
): Promise<string> {
  const { agent } = desk;
  const what = verb === 'handover' ? 'hand-over' : verb;
  if (!isKnown(desk, who)) return turnAway(desk, who, what, via, isUnknown(who, what));
  const [first, ...others] = more;
  const reason = others.length === 0 ? {} : { reason: others.join(' ') };
  if (what === 'ack') {
    const because = more.length === 0 ? {} : { reason: more.join(' ') };
    return said(await agent.request(about, { what: 'acknowledge', who, ...because }, via));
  }
  if (what === 'snooze') {
    const forMs = parseDuration(first ?? '1h');
    if (forMs === undefined) return 'Say for how long as in: snooze ID 1h.';
    return said(await agent.request(about, { what: 'snooze', who, forMs, ...reason }, via));
  }
  if (what === 'hand-over')
    return said(
      await agent.request(about, { what, who, ...(first === undefined ? {} : { to: first }), ...reason }, via),
    );
  if (first === undefined) return 'Say which, as in: runbook ID NAME key=value.';
  const params = paramsIn(others);
  if (params === undefined) return 'Parameters are written as key=value.';
  return said(await agent.request(about, { what: 'runbook', who, runbook: first, params }, via));
}

function said({ is, message, plan }: RequestResult): string {
  const named = plan === undefined || is === 'refused' ? '' : ` (plan ${plan.id.slice(0, 12)})`;
  return is === 'refused' ? `That is refused: ${message}` : `${message}${named}`;
}

/** `key=value` pairs; numbers and truth values as such. What a runbook takes of them is for its own schema to say. */
function paramsIn(words: readonly string[]): Readonly<Record<string, Json>> | undefined {
  const pairs = words.map((word) => /^([A-Za-z][A-Za-z0-9_]{0,62})=(.{0,200})$/.exec(word));
  if (pairs.includes(null)) return undefined;
  return Object.fromEntries(pairs.map((pair): [string, Json] => [pair?.[1] ?? '', valueOf(pair?.[2] ?? '')]));
}

function valueOf(text: string): Json {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d{1,15}(\.\d{1,10})?$/.test(text) ? Number(text) : text;
}

// Whoever some escalation counts on to answer may also stop the hand, put off and hand over; nobody else.
function isKnown({ escalations }: CommandDesk, who: Principal): boolean {
  return [...escalations().values()].some(({ approvers }) => Object.values(approvers).flat().includes(who.id));
}

function isUnknown(who: Principal, what: string): string {
  return `${who.id} is in no group that may answer, and may not ${what}`;
}

async function turnAway(
  desk: CommandDesk,
  who: Principal,
  what: string,
  via: string,
  because: string,
): Promise<string> {
  await desk.agent.refused(who.id, what, via, because);
  return `${because}.`;
}

function statusText(status: StatusView): string {
  const { paused, unwell, incidents, approvals, services } = status;
  const open = incidents.filter((incident) => incident.status !== 'resolved');
  const waiting = approvals.filter((one) => one.status === 'waiting');
  return [
    paused === undefined ? 'On watch.' : `Paused by ${paused.by}: ${paused.reason}.`,
    ...unwell.map((reason) => `Unwell: ${reason}`),
    `${services.length} services, ${open.length} open incidents, ${waiting.length} plans waiting for an answer.`,
    ...open.slice(0, 10).map((one) => `[${one.severity}] ${one.title} (${one.id.slice(0, 13)})`),
  ].join('\n');
}

function incidentText({ incident, file, approvals }: IncidentView): string {
  const lastedMs = (incident.resolvedAtMs ?? incident.updatedAtMs) - incident.openedAtMs;
  const asked = approvals.filter((one) => one.status === 'waiting');
  const put = file?.snooze;
  return [
    `[${incident.severity}] ${incident.title}: ${incident.status}, ${formatDuration(Math.max(0, lastedMs))}.`,
    ...(file?.diagnosis === undefined ? [] : [file.diagnosis.summary]),
    ...(file === undefined ? [] : [file.standing]),
    ...(put === undefined || put.untilMs < incident.updatedAtMs
      ? []
      : [`Put off by ${put.by} until ${new Date(put.untilMs).toISOString().slice(0, 16)}Z.`]),
    ...asked.map(
      (one) => `Waiting for ${one.requirement.from.join(', ')}: ${one.runbook} (plan ${one.planId.slice(0, 12)})`,
    ),
    ...incident.timeline.slice(-10).map((entry) => `${new Date(entry.atMs).toISOString().slice(11, 19)} ${entry.text}`),
  ].join('\n');
}
