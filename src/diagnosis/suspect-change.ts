import type { Change, ChangeKind } from '../domain/change.ts';
import { formatDuration } from '../lib/duration.ts';
import { oneLine, withArticle } from '../lib/text.ts';
import { contrastNotes } from './contrast.ts';
import { figure, sayInstances, sayLag, sayShift } from './draft.ts';
import type { Draft, Note } from './draft.ts';
import { revisionNotes } from './pods.ts';
import { earlierErrors, earlierNotes, heldAgainst, holderOf } from './held-against.ts';
import { isFelt } from './scene.ts';
import { lexicalNote, logNotes, textOf, troubleWords } from './change-words.ts';
import type { Scene } from './scene.ts';
import { stepAt } from './shift.ts';
import { changeTraces } from './trace-notes.ts';
import { idfOf, wordsOf } from './words.ts';

const minute = 60_000;
const longestDiff = 600;

/** How a lag to the onset speaks, by kind of change: [at most so many minutes, log-odds], the last for anything longer. */
const lagOdds: Readonly<Record<ChangeKind, readonly (readonly [number, number])[]>> = (() => {
  const slow = [
    [5, 1.2],
    [15, 0.9],
    [60, 0.5],
    [180, -0.3],
    [Infinity, -1],
  ] as const;
  const quick = [
    [3, 1.2],
    [10, 0.7],
    [60, 0.1],
    [180, -0.6],
    [Infinity, -1.2],
  ] as const;
  const instant = [
    [3, 0.9],
    [10, 0.2],
    [Infinity, -1],
  ] as const;
  return {
    ...{ deploy: slow, rollback: slow, package: slow, infrastructure: slow },
    ...{ config: quick, flag: quick, scale: quick, restart: instant },
  };
})();

/** What kinds of change break things, before anything else is known. */
const kindPrior: Readonly<Record<ChangeKind, number>> = {
  ...{ deploy: 0, config: 0, flag: -0.4, infrastructure: -0.2 },
  ...{ rollback: -0.6, package: -0.4, scale: -0.6, restart: -0.8 },
};

/** One hypothesis for each change that could have reached the root; those that could not are there too, ruled out. */
export function changeSuspects(scene: Scene): readonly Draft[] {
  const texts = scene.changes.map((change) => wordsOf(textOf(change)));
  const idf = idfOf(texts);
  const trouble = troubleWords(scene);
  return scene.changes.map((change, index) => {
    const versions =
      change.to === undefined
        ? ''
        : ` ${change.from === undefined ? '' : `${oneLine(change.from, 60)} -> `}${oneLine(change.to, 60)}`;
    const { diff = '' } = change.attributes;
    const base = {
      id: `change:${change.id}`,
      cause: 'change' as const,
      service: change.service,
      changeId: change.id,
      title: `the ${nameOf(change)}${versions}${sayInstances(change)} broke it`,
      ...(diff === '' ? {} : { diff: oneLine(diff, longestDiff) }),
    };
    const out = ruledOut(change, scene);
    if (out !== undefined) return { ...base, notes: [timing(change, scene)], ruledOut: out };
    const replacement = replacedBy(change, scene);
    const lexical = lexicalNote(texts[index] ?? new Set(), trouble, idf);
    const notes = [
      ...(replacement === undefined ? [timing(change, scene)] : []),
      {
        modality: 'prior' as const,
        kind: 'change' as const,
        text: withArticle(change.kind),
        weight: kindPrior[change.kind],
      },
      ...ownAct(change),
      ...benign(change),
      ...reachNotes(change, scene),
      ...replaced(change, scene),
      ...precursors(change, scene),
      ...contrastNotes(change, scene),
      ...revisionNotes(change, scene),
      ...logNotes(change, scene, replacement),
      ...earlierNotes(change, scene),
      ...(lexical === undefined ? [] : [lexical]),
      ...changeTraces(change, scene),
      ...heldAgainst(change, scene),
      // When it came, and that all else is well, say nothing for a release that no longer ran.
      ...(replacement === undefined ? elimination(change, scene) : []),
      ...history(change, scene),
    ];
    return { ...base, notes: notes.filter((note) => note.weight !== 0) };
  });
}

// A machine has many packages: which one it was is the first question.
function nameOf({ kind, service, what }: Change): string {
  if (kind !== 'package') return `${kind} of ${service}`;
  return `change of ${oneLine(what.replace(/^package:/, ''), 120)} on ${service}`;
}

function ruledOut(change: Change, scene: Scene): string | undefined {
  const late = change.atMs - scene.onsetMs;
  if (late > scene.toleranceMs) return `it was made ${formatDuration(late)} after the trouble began`;
  const earlier = earlierErrors(change, scene);
  // What a detector found by comparing is not refuted by lines in a log, which may be about something else.
  if (earlier !== undefined && holderOf(change, scene) === undefined) return earlier;
  const onPath = change.service === scene.root || scene.dependencies.some(({ name }) => name === change.service);
  const host = scene.input.catalog.services.find(({ name }) => name === change.service)?.labels['kind'] === 'host';
  const beside = scene.callers.includes(change.service) || scene.input.incident.services.includes(change.service);
  if (!onPath && !host && !beside) return `${scene.root} neither depends on ${change.service} nor is called by it`;
  return undefined;
}

function timing(change: Change, scene: Scene): Note {
  const lagMinutes = Math.max(0, scene.onsetMs - change.atMs) / minute;
  const odds = lagOdds[change.kind].find(([most]) => lagMinutes <= most)?.[1] ?? -1;
  const weight = change.atMs > scene.onsetMs ? Math.min(odds, 0.6) : odds;
  const text = `the ${change.kind} was made ${sayLag(change.atMs, scene.onsetMs)}`;
  return {
    modality: 'timing',
    kind: 'change',
    text,
    weight,
    atMs: change.atMs,
    refutedBy: 'an earlier onset in finer data',
  };
}

// What was done to help was looked at afterwards, and would have been taken back.
function ownAct({ actor }: Change): readonly Note[] {
  if (actor !== 'watchkeeper') return [];
  return [{ modality: 'prior', kind: 'change', text: 'the watch made it itself, to help', weight: -2 }];
}

// Conventional-commit words and touched files tell how much a change can break.
function benign(change: Change): readonly Note[] {
  const message = (change.attributes['message'] ?? '').slice(0, 500);
  const files = (change.attributes['files'] ?? '').split(/[\s,]+/).filter(Boolean);
  const harmless =
    files.length > 0 &&
    files.every((file) =>
      /(^|\/)(docs?|tests?|testdata|__tests__)\/|\.(md|txt|css|scss|svg|png)$|[._]test\.|\.spec\./i.test(file),
    );
  if (harmless || /^(docs|test|tests|style|ci)\b/i.test(message))
    return [{ modality: 'prior', kind: 'change', text: 'it touches only documents, tests or looks', weight: -2 }];
  return [];
}

function reachNotes(change: Change, scene: Scene): readonly Note[] {
  const note = (text: string, weight: number, refutedBy?: string): Note => ({
    ...{ modality: 'reach' as const, kind: 'topology' as const, text, weight },
    ...(refutedBy !== undefined && { refutedBy }),
  });
  if (change.service === scene.root) return [note(`it changed ${scene.root} itself, where it began`, 0.5)];
  const symptom = scene.symptomOf(change.service);
  const hops = scene.dependencies.find(({ name }) => name === change.service)?.hops;
  if (hops === undefined) return fromAbove(change, scene, note);
  if (symptom !== undefined && symptom.onsetMs <= scene.onsetMs + scene.toleranceMs)
    return [
      note(
        `${change.service}, on which ${scene.root} depends, went bad no later: ${sayShift(symptom)}`,
        1.2 - 0.2 * hops,
      ),
    ];
  if (scene.hasData(change.service))
    return [note(`${change.service} itself shows nothing unusual`, -1.8, `trouble in ${change.service}'s own signals`)];
  return [note(`${change.service} is a dependency, and nothing is known of its state`, -0.3)];
}

// What a release brought often went away with it; but it may have left something behind, or be in the next one too.
function replaced(change: Change, scene: Scene): readonly Note[] {
  const next = replacedBy(change, scene);
  if (next === undefined) return [];
  const text = `${oneLine(next.to ?? 'another release', 60)} took its place ${sayLag(next.atMs, scene.onsetMs)}`;
  return [{ modality: 'reach', kind: 'change', text, weight: -1.5, refutedBy: 'the same trouble before that' }];
}

function replacedBy(change: Change, scene: Scene): Change | undefined {
  const isRelease = ({ kind }: Change): boolean => kind === 'deploy' || kind === 'rollback';
  return scene.changes.findLast(
    (other) =>
      isRelease(change) &&
      isRelease(other) &&
      other.service === change.service &&
      other.what === change.what &&
      covers(other, change) &&
      // One that touches only documents runs what the one before brought.
      benign(other).length === 0 &&
      other.atMs > change.atMs &&
      other.atMs <= scene.onsetMs + scene.toleranceMs,
  );
}

// A release on some instances took the place of another where that was on no others.
function covers(next: Change, change: Change): boolean {
  if (next.instances === undefined) return true;
  return change.instances?.every((name) => next.instances?.includes(name)) ?? false;
}

// A caller can hurt what it calls: a cache it no longer uses, a query it repeats, a retry without end.
function fromAbove(change: Change, scene: Scene, note: (text: string, weight: number) => Note): readonly Note[] {
  if (!scene.callers.includes(change.service))
    return [note(`${scene.root} does not depend on ${change.service}`, -1.5)];
  const flow = (scene.shifts.get(scene.root) ?? []).find((shift) => shift.role === 'traffic');
  if (flow === undefined) return [note(`${change.service} calls ${scene.root}; how much more is not known`, -0.4)];
  if (flow.moved && flow.after > flow.before && flow.onsetMs >= change.atMs - scene.toleranceMs)
    return [note(`${change.service} calls ${scene.root}, and since then ${sayShift(flow)}`, 1.2)];
  return [note(`${change.service} calls ${scene.root}, but no more than before`, -1.2)];
}

// Something of the changed service moved with the change, however long before people felt it: a limit, a resource, a rate.
function precursors(change: Change, scene: Scene): readonly Note[] {
  if (change.atMs > scene.onsetMs) return [];
  const moved = (scene.shifts.get(change.service) ?? []).flatMap(({ series, role }) => {
    if (role === 'traffic' || (isFelt(role) && change.service === scene.root)) return [];
    const step = stepAt(series, change.atMs, scene.onsetMs);
    return step?.moved === true ? [{ series, role, ...step }] : [];
  });
  return moved.slice(0, 5).map((step) => ({
    modality: 'precursor',
    kind: 'metric',
    text: `${sayShift(step)} with it, within ten minutes`,
    weight: step.role === 'limit' ? 2 : step.score > 0 || step.role === 'output' ? 1.2 : 0.3,
    atMs: change.atMs,
    refutedBy: 'the same step at times without a change',
  }));
}

function elimination(change: Change, scene: Scene): readonly Note[] {
  const notes: Note[] = [];
  const rivals = scene.changes.filter(
    (other) =>
      other.id !== change.id &&
      replacedBy(other, scene) !== change &&
      other.atMs <= scene.onsetMs + scene.toleranceMs &&
      other.atMs > scene.onsetMs - 60 * minute &&
      ruledOut(other, scene) === undefined,
  );
  if (rivals.length === 0 && change.atMs > scene.onsetMs - 60 * minute)
    notes.push({
      modality: 'elimination',
      kind: 'change',
      text: 'nothing else that could reach it was changed in the hour before',
      weight: 0.5,
    });
  const seen = scene.directDependencies(change.service).filter((name) => scene.hasData(name));
  if (seen.length > 0 && seen.every((name) => scene.symptomOf(name) === undefined))
    notes.push({
      modality: 'elimination',
      kind: 'topology',
      text: `what it depends on is well: ${seen.slice(0, 5).join(', ')}`,
      weight: 0.5,
    });
  const traffic = (scene.shifts.get(change.service) ?? []).filter((shift) => shift.role === 'traffic');
  const [flow] = traffic;
  if (flow !== undefined && traffic.every((shift) => !shift.moved))
    notes.push({
      modality: 'elimination',
      kind: 'metric',
      text: `traffic is as usual, ${figure(flow.after, flow.series.unit)}`,
      weight: 0.4,
    });
  return notes;
}

function history(change: Change, scene: Scene): readonly Note[] {
  const before = (scene.input.past ?? []).filter(
    (past) =>
      past.service === change.service &&
      past.id !== scene.input.incident.id &&
      past.mergedInto === undefined &&
      past.openedAtMs < change.atMs &&
      past.openedAtMs > change.atMs - 7 * 86_400_000,
  );
  if (before.length === 0) return [];
  const text = `${change.service} had ${before.length} incident${before.length === 1 ? '' : 's'} in the week before this change, too`;
  return [{ modality: 'history', kind: 'history', text, weight: -0.3 * Math.min(2, before.length) }];
}
