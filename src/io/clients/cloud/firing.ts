import type { Finding } from '../../../domain/alert.ts';

/** What became of an alarm that fired and is not listed as firing any more, as its provider says when asked for it by name. */
export interface Fate {
  /** `good`: it is over, or was deleted; `bad`: it fires still; `unknown`: it may. */
  readonly state: Finding['state'];
  /** In words, to follow the alarm's name. */
  readonly words: string;
  /** Its provider will never say: it is not asked for again. */
  readonly forever?: true;
}

/** All that fire in one corner, as far as they were listed. */
export interface Listed {
  /** By the name or id that they are asked for by, with what each is told as: nothing for those that are not ours to tell. */
  readonly alarms: ReadonlyMap<string, readonly Finding[]>;
  /** Whether these are all. */
  readonly whole: boolean;
}

/** Which of a provider's own alarms fire, so that each is told as it begins, goes on and ends. */
export interface Firing {
  /** The services of alarms that were told and have not ended, by alarm. */
  told(corner: string): ReadonlyMap<string, readonly string[]>;
  /**
   * What is to be told now. An alarm that is not listed is no alarm that is over: it is asked for, and ends by what is said
   * of it. One that `ask` has no word of stays as it was.
   */
  step(
    corner: string,
    listed: Listed,
    ask: (alarms: readonly string[]) => Promise<ReadonlyMap<string, Fate>>,
    nowMs: number,
  ): Promise<readonly Finding[]>;
}

interface Known {
  readonly findings: readonly Finding[];
  readonly lost?: Fate;
}

/** Makes it; nothing fires. */
export function createFiring(): Firing {
  const corners = new Map<string, Map<string, Known>>();
  return {
    told: (corner) =>
      new Map(
        [...(corners.get(corner) ?? [])].map(([alarm, { findings }]) => [
          alarm,
          findings.map(({ service }) => service),
        ]),
      ),
    step: async (corner, listed, ask, nowMs) => {
      const known = corners.get(corner) ?? new Map<string, Known>();
      corners.set(corner, known);
      const now = [...listed.alarms.values()].flat();
      const absent = [...known].filter(([alarm]) => !listed.alarms.has(alarm));
      const wanted = absent.flatMap(([alarm, { lost }]) => (lost === undefined ? [alarm] : []));
      const fates = wanted.length === 0 ? new Map<string, Fate>() : await ask(wanted);
      const told = listed.whole ? strangers(known, listed, nowMs) : [];
      for (const [alarm, { findings, lost }] of absent) {
        const fate = lost ?? fates.get(alarm);
        if (fate === undefined) continue;
        // A younger one of the same name speaks for one of which nothing is known any more.
        const isOver = fate.state === 'good' || (fate.forever && findings.every((one) => now.some(sameAs(one))));
        if (isOver) known.delete(alarm);
        else known.set(alarm, { findings, ...(fate.forever && { lost: fate }) });
        told.push(...findings.map((one) => toldAs(one, fate, nowMs)));
      }
      for (const [alarm, findings] of listed.alarms)
        if (findings.length > 0) known.set(alarm, { findings });
        else if (listed.whole) known.delete(alarm);
      // Where two are of one name, the worse is told last, and so is what holds.
      const rank = { good: 0, unknown: 1, bad: 2 };
      return [...told.sort((a, b) => rank[a.state] - rank[b.state]), ...now];
    },
  };
}

// It fires, but of a service that it was about it is not any more: a composite alarm, by what is in alarm below it.
function strangers(known: ReadonlyMap<string, Known>, { alarms }: Listed, nowMs: number): Finding[] {
  return [...known].flatMap(([alarm, { findings }]) => {
    const now = alarms.get(alarm);
    return findings
      .filter(({ service }) => now?.every((one) => one.service !== service))
      .map((one) => toldAs(one, { state: 'good', words: `is not about ${one.service} any more` }, nowMs));
  });
}

function toldAs(finding: Finding, { state, words }: Fate, nowMs: number): Finding {
  if (state === 'bad') return { ...finding, atMs: nowMs };
  const reason = `${finding.signal} ${words}`;
  return { ...finding, state, atMs: nowMs, sinceMs: nowMs, reason, ...(state === 'unknown' && { confidence: 0 }) };
}

function sameAs(one: Finding): (other: Finding) => boolean {
  const key = identity(one);
  return (other) => identity(other) === key;
}

function identity({ service, signal, labels }: Finding): string {
  return JSON.stringify([service, signal, Object.entries(labels).sort()]);
}
