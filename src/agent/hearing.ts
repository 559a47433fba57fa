import { WatchkeeperError } from '../lib/errors.ts';
import { formatDuration } from '../lib/duration.ts';
import type { Principal } from '../domain/authority.ts';
import type { Escalation } from '../domain/definitions.ts';
import type { Channel, Ear, HeardReply } from '../domain/ports/channel.ts';
import type { Clock, Log, Random } from '../domain/ports/io.ts';
import type { Agent } from './facade.ts';
import type { IncidentView, StatusView } from './views.ts';

/** The group of those whom a channel's own settings let lift the kill switch. */
export const chatOperators = 'chat:operators';

/** What listening to people needs. */
export interface HearingOptions {
  readonly agent: Pick<Agent, 'answer' | 'status' | 'incident' | 'pause' | 'resume' | 'approvals'>;
  readonly escalations: () => ReadonlyMap<string, Escalation>;
  readonly channels: () => ReadonlyMap<string, Channel>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const longestPauseMs = 60_000;

/**
 * Listens to every channel that can bring answers, until the signal fires. A channel whose listening breaks is taken up
 * again after a growing, jittered pause: that people cannot answer through it blocks nothing else.
 */
export async function hear(options: HearingOptions, signal: AbortSignal): Promise<void> {
  const listening = [...options.channels().values()].flatMap((channel) =>
    channel.listen === undefined ? [] : [keepListening(options, channel, earOf(options, channel), signal)],
  );
  await Promise.all(listening);
}

async function keepListening(options: HearingOptions, channel: Channel, ear: Ear, signal: AbortSignal): Promise<void> {
  let failures = 0;
  while (!isOver(signal)) {
    const sinceMs = options.clock.monotonicMs();
    try {
      await channel.listen?.(ear, signal);
    } catch (thrown) {
      if (!isOver(signal))
        options.log.warn('a channel cannot be listened to', {
          channel: channel.id,
          error: WatchkeeperError.from(thrown),
        });
    }
    failures = options.clock.monotonicMs() - sinceMs > longestPauseMs ? 1 : failures + 1;
    const pauseMs = Math.min(longestPauseMs, 1_000 * 2 ** failures) * (0.5 + options.random.uniform() / 2);
    await options.clock.sleep(pauseMs, signal).catch(() => undefined);
  }
}

// Asked anew each time: it changes while a channel is awaited.
function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** What a channel brings its answers and commands to. */
export function earOf(options: HearingOptions, channel: Pick<Channel, 'id'>): Ear {
  return {
    answer: async ({ who, about, verdict, comment }): Promise<HeardReply> => {
      try {
        const result = await options.agent.answer(about, who, verdict, `chat:${channel.id}`, comment);
        const waits = options.agent.approvals().some((one) => one.status === 'waiting' && one.planId.startsWith(about));
        return { is: result.is, settled: !waits, message: result.message };
      } catch (thrown) {
        return { is: 'refused', settled: false, message: refusalOf(options.log, thrown) };
      }
    },
    command: async (words, who) => {
      const [verb = '', ...rest] = words.trim().split(/\s+/);
      try {
        return await obey(options, verb.toLowerCase(), rest.join(' '), who);
      } catch (thrown) {
        return refusalOf(options.log, thrown);
      }
    },
  };
}

async function obey(options: HearingOptions, verb: string, rest: string, who: Principal): Promise<string> {
  const { agent } = options;
  switch (verb) {
    case 'status':
      return statusText(agent.status());
    case 'explain': {
      const found = rest === '' ? undefined : await agent.incident(rest);
      return found === undefined ? `There is no incident ${rest || 'without an id'}.` : incidentText(found);
    }
    case 'pause':
      if (!isKnown(options, who)) return `${who.id} is in no group that may answer, and may not pause.`;
      await agent.pause(who, rest || 'no reason given');
      return 'Paused: Watchkeeper observes and says what it sees, and acts on nothing until somebody resumes it.';
    case 'resume':
      if (!who.groups.includes(chatOperators))
        return `${who.id} is not among the operators of this channel, and may not resume.`;
      await agent.resume(who, rest || 'no reason given');
      return 'Resumed: Watchkeeper acts again, inside its policies.';
    default:
      return 'I know: status, explain ID, pause REASON, resume REASON.';
  }
}

// Whoever some escalation counts on to answer may also stop the hand; nobody else.
function isKnown({ escalations }: HearingOptions, who: Principal): boolean {
  return [...escalations().values()].some(({ approvers }) => Object.values(approvers).flat().includes(who.id));
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
  return [
    `[${incident.severity}] ${incident.title}: ${incident.status}, ${formatDuration(Math.max(0, lastedMs))}.`,
    ...(file?.diagnosis === undefined ? [] : [file.diagnosis.summary]),
    ...(file === undefined ? [] : [file.standing]),
    ...asked.map(
      (one) => `Waiting for ${one.requirement.from.join(', ')}: ${one.runbook} (plan ${one.planId.slice(0, 12)})`,
    ),
    ...incident.timeline.slice(-10).map((entry) => `${new Date(entry.atMs).toISOString().slice(11, 19)} ${entry.text}`),
  ].join('\n');
}

function refusalOf(log: Log, thrown: unknown): string {
  const error = WatchkeeperError.from(thrown);
  log.warn('what was said in chat could not be taken', { error });
  return `That could not be done: ${error.message}`;
}
