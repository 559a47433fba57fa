import type { Alert, Incident } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { Diagnosis } from '../domain/diagnosis.ts';
import type { Service } from '../domain/service.ts';
import { formatDuration } from '../lib/duration.ts';

/** What manual steps are suggested by. */
export interface SuggestionFacts {
  readonly asOfMs: number;
  readonly incident: Pick<Incident, 'service' | 'services' | 'recurrenceOf' | 'storm'>;
  readonly alerts: readonly Pick<Alert, 'signal' | 'kind'>[];
  readonly diagnosis: Diagnosis;
  readonly change?: Change;
  readonly services: readonly Service[];
}

/** At most this many: a list that nobody reads helps nobody. */
const maxSuggestions = 6;

/**
 * Manual steps for when no runbook matches or none may act (I14): what a colleague would say who has read the same
 * findings. Never empty.
 */
export function suggestSteps(facts: SuggestionFacts): readonly string[] {
  const { diagnosis, incident } = facts;
  const steps = [...byCause(facts)];
  const [gap] = diagnosis.gaps;
  if (gap !== undefined)
    steps.push(`Find out why ${gap.source} could not be read (${gap.message}): it may hide the cause.`);
  if (diagnosis.verdict === 'inconclusive') steps.push(...openQuestions(diagnosis));
  if (incident.recurrenceOf !== undefined)
    steps.push(`It is back after ${incident.recurrenceOf} was resolved: what ended that one did not last.`);
  const owner = facts.services.find((service) => service.name === diagnosis.service)?.owner.team;
  steps.push(
    `Ask ${owner === undefined || owner === 'unowned' ? `whoever owns ${diagnosis.service}` : owner} what ${diagnosis.service} is doing right now.`,
  );
  return steps.slice(0, maxSuggestions);
}

function byCause(facts: SuggestionFacts): readonly string[] {
  const { diagnosis, change, services, asOfMs, incident } = facts;
  const subject = diagnosis.service;
  switch (diagnosis.cause) {
    case 'change':
      return change === undefined
        ? [`Look for what was changed in ${subject} just before this began, and take it back.`]
        : [revert(change, asOfMs)];
    case 'dependency': {
      const dependsOn = services.find((service) => service.name === incident.service)?.dependsOn ?? [];
      const known = dependsOn.length > 0 ? ` (it needs ${dependsOn.join(', ')})` : '';
      return [`Look at ${subject} first: ${incident.service} suffers from it${known}.`];
    }
    case 'resource':
      return resource(facts);
    case 'traffic':
      return [`See where the traffic to ${subject} comes from; add capacity or limit it, if it is not wanted.`];
    case 'host':
      return [`Look at the host that ${subject} runs on: its disks, memory, kernel log, and its neighbours.`];
    case 'external':
      return [`See whether whatever ${subject} calls outside is ill: its status page, its error messages.`];
    case 'unknown':
      return [`Compare ${subject} with how it was an hour ago: its logs, its traffic, and what it depends on.`];
  }
}

function revert(change: Change, asOfMs: number): string {
  const version = change.to === undefined ? '' : ` to ${change.to}`;
  const ago = formatDuration(Math.max(0, asOfMs - change.atMs));
  const what = `the ${change.kind} of ${change.service}${version} (${change.what}, ${ago} ago)`;
  if (change.irreversible === true) return `Repair ${what} forwards: going back is known to be unsafe.`;
  return change.from === undefined ? `Take back ${what}.` : `Take back ${what}: return to ${change.from}.`;
}

function resource({ alerts, diagnosis }: SuggestionFacts): readonly string[] {
  const signals = new Set(alerts.map((alert) => alert.signal));
  const subject = diagnosis.service;
  const steps: string[] = [];
  for (const signal of signals) {
    if (/disk|inode/.test(signal))
      steps.push(`Free space on the disk of ${subject}: old logs, releases and caches first; look what grows (du -x).`);
    if (/memory|oom/.test(signal))
      steps.push(
        `See what holds the memory of ${subject}; restart what leaks, and raise the limit only if it is too low.`,
      );
    if (/cpu|load/.test(signal))
      steps.push(`See what uses the processor of ${subject} (top, perf) before adding more.`);
  }
  return steps.length > 0
    ? steps
    : [`See which resource of ${subject} is used up: disk, memory, processor, connections.`];
}

function openQuestions(diagnosis: Diagnosis): readonly string[] {
  const steps = diagnosis.needed === undefined ? [] : [`Find out: ${diagnosis.needed}`];
  const [leading] = diagnosis.hypotheses.filter((hypothesis) => hypothesis.ruledOut === undefined);
  const refutable = leading?.for.find((evidence) => evidence.refutedBy !== undefined)?.refutedBy;
  if (leading !== undefined)
    steps.push(`Likeliest so far: ${leading.title}.${refutable === undefined ? '' : ` To refute it: ${refutable}`}`);
  return steps;
}
