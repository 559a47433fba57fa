import type { Change } from '../domain/change.ts';
import type { Span } from '../domain/telemetry.ts';
import { oneLine } from '../lib/text.ts';
import { figure } from './draft.ts';
import type { Note } from './draft.ts';
import type { Scene } from './scene.ts';

/** A share of fewer failing traces than this is an anecdote. */
const leastFailing = 3;
/** Slower by less than this, or by less than a fifth, is no news. */
const leastAddedMs = 5;

/** What traces say for a dependency being where the root's calls fail or wait. */
export function dependencyTraces(name: string, scene: Scene): readonly Note[] {
  const { traces } = scene;
  const share = traces.shares.get(name);
  if (share === undefined) return [];
  const seen = scene.isDeclared(name)
    ? ''
    : ` (that ${scene.root} depends on it is seen in traces only, nobody declared it)`;
  const notes: Note[] = [];
  if (share.failing > 0 && share.failingShare > 0)
    notes.push(
      note(
        `${share.failing} of ${traces.failing} failing traces fail first in ${oneLine(name, 100)}${said(share.example)}${seen}`,
        2 * share.failingShare * (traces.failing >= leastFailing ? 1 : 0.5),
        'a trace that fails without reaching it',
        share.example,
      ),
    );
  if (isSlower(share.selfBeforeMs, share.selfSinceMs) && share.slowerShare >= 0.3)
    notes.push(
      note(
        `a call spends ${ms(share.selfSinceMs)} in ${oneLine(name, 100)} itself, ${ms(share.selfBeforeMs)} before: ${percent(share.slowerShare)} of the added time${notes.length > 0 ? '' : seen}`,
        1.8 * share.slowerShare,
        'a slow call that does not reach it',
      ),
    );
  return notes;
}

/** What traces say for or against a change: its service's own spans are where calls fail or wait, or another's are. */
export function changeTraces(change: Change, scene: Scene): readonly Note[] {
  const { traces } = scene;
  const name = oneLine(change.service, 100);
  const own = traces.shares.get(change.service);
  const notes: Note[] = [];
  if (traces.failing >= leastFailing && sumOf(scene, 'failingShare') > 0) {
    const share = own?.failingShare ?? 0;
    const [worst] = [...traces.shares.values()].sort((a, b) => b.failingShare - a.failingShare);
    if (share >= 0.5 && own !== undefined)
      notes.push(
        note(
          `${own.failing} of ${traces.failing} failing traces fail first in ${name} itself${said(own.example)}`,
          share,
          'a trace that fails first in what it calls',
          own.example,
        ),
      );
    else if (worst !== undefined && worst.service !== change.service)
      notes.push(
        note(
          `${worst.failing} of ${traces.failing} failing traces fail first in ${oneLine(worst.service, 100)}, not in ${name}`,
          -2 * worst.failingShare,
        ),
      );
  }
  notes.push(...slower(change, scene), ...newException(change, scene), ...versions(change, scene));
  return notes;
}

function slower(change: Change, scene: Scene): readonly Note[] {
  const { traces } = scene;
  const totalBefore = [...traces.shares.values()].reduce((all, { selfBeforeMs }) => all + selfBeforeMs, 0);
  if (!isSlower(totalBefore, totalBefore + traces.addedMs)) return [];
  const own = traces.shares.get(change.service);
  const name = oneLine(change.service, 100);
  if (own !== undefined && own.slowerShare >= 0.5)
    return [
      note(
        `a call spends ${ms(own.selfSinceMs)} in ${name} itself, ${ms(own.selfBeforeMs)} before: ${percent(own.slowerShare)} of the added time`,
        own.slowerShare,
        'a slow call that waits for something else',
      ),
    ];
  const [worst] = [...traces.shares.values()].sort((a, b) => b.slowerShare - a.slowerShare);
  if (worst === undefined || worst.slowerShare < 0.5) return [];
  return [
    note(
      `${percent(worst.slowerShare)} of the added time is spent in ${oneLine(worst.service, 100)}`,
      -1.5 * worst.slowerShare,
    ),
  ];
}

// A kind of exception in its own code that no trace before the onset had.
function newException(change: Change, scene: Scene): readonly Note[] {
  const { traces } = scene;
  const known = new Set(traces.deepestBefore.map(exceptionOf));
  const fresh = traces.deepest.find(
    (span) =>
      span.service === change.service &&
      span.kind !== 'client' &&
      !known.has(exceptionOf(span)) &&
      exceptionOf(span) !== '',
  );
  if (fresh === undefined || traces.before === 0) return [];
  return [
    note(
      `its own spans throw what ${traces.before} traces before did not: ${exceptionOf(fresh)}`,
      0.6,
      'the same exception before the change',
      fresh,
    ),
  ];
}

// New against old at the same time: spans say which version wrote them.
function versions(change: Change, scene: Scene): readonly Note[] {
  if (change.to === undefined) return [];
  const own = scene.input.snapshot.spans.filter(
    (span) =>
      span.service === change.service && span.kind !== 'client' && span.attributes['service.version'] !== undefined,
  );
  const isTouched = (span: Span): boolean => span.attributes['service.version'] === change.to;
  const failed = own.filter((span) => isTouched(span) && span.status === 'error' && span.startMs >= change.atMs);
  const firstMs = Math.min(...failed.map(({ startMs }) => startMs));
  // What the old version did before says nothing here: the world was another.
  const since = own.filter(({ startMs }) => startMs >= firstMs);
  const touched = since.filter(isTouched);
  const rest = since.filter((span) => !isTouched(span));
  if (touched.length < 5 || rest.length < 5) return [];
  const [bad, good] = [failingPart(touched), failingPart(rest)];
  const text = `${percent(bad)} of the spans of ${oneLine(change.to, 60)} fail, ${percent(good)} of those of other versions at the same time`;
  if (bad - good >= 0.1) return [{ ...note(text, 2, 'another version that fails as much'), modality: 'contrast' }];
  return bad > 0.05 && Math.abs(bad - good) < 0.05 ? [{ ...note(text, -1.5), modality: 'contrast' }] : [];
}

function failingPart(spans: readonly Span[]): number {
  return spans.filter(({ status }) => status === 'error').length / spans.length;
}

/** What a span threw, as one short line: type and message. Empty when it threw nothing. */
export function exceptionOf({ events = [] }: Span): string {
  const thrown = events.find(({ name }) => name === 'exception')?.attributes;
  if (thrown === undefined) return '';
  return oneLine([thrown['exception.type'], thrown['exception.message']].filter(Boolean).join(': '), 120);
}

function said(span: Span | undefined): string {
  if (span === undefined) return '';
  const thrown = exceptionOf(span);
  return thrown === '' ? '' : `: ${thrown}`;
}

function isSlower(before: number, since: number): boolean {
  return since - before >= leastAddedMs && since >= 1.2 * before;
}

function sumOf(scene: Scene, key: 'failingShare' | 'slowerShare'): number {
  return [...scene.traces.shares.values()].reduce((all, share) => all + share[key], 0);
}

function note(text: string, weight: number, refutedBy?: string, example?: Span): Note {
  return {
    ...{ modality: 'traces' as const, kind: 'trace' as const, weight },
    text: example === undefined ? text : `${text} (trace ${oneLine(example.traceId, 40)})`,
    ...(refutedBy !== undefined && { refutedBy }),
    ...(example !== undefined && { atMs: example.startMs }),
  };
}

function ms(value: number): string {
  return value >= 1_000 ? figure(value / 1_000, 's') : figure(value, 'ms');
}

function percent(part: number): string {
  return figure(Math.round(part * 100) / 100, 'ratio');
}
