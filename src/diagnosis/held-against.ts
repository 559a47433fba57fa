import type { Change } from '../domain/change.ts';
import { formatDuration } from '../lib/duration.ts';
import { oneLine } from '../lib/text.ts';
import type { Note } from './draft.ts';
import type { Scene } from './scene.ts';

/** That new errors came before the change, in words: log lines carry exact times, where samples are minutes apart. */
export function earlierErrors(change: Change, scene: Scene): string | undefined {
  const first = scene.news.find(
    (news) =>
      news.service === scene.root && news.before === 0 && news.after >= 3 && news.firstMs < change.atMs - 15_000,
  );
  if (first === undefined || change.atMs <= scene.onsetMs - scene.toleranceMs) return undefined;
  return `errors that are new since came ${formatDuration(change.atMs - first.firstMs)} before it`;
}

/** The same as what speaks against it, where a detector holds it against the change all the same. */
export function earlierNotes(change: Change, scene: Scene): readonly Note[] {
  const text = earlierErrors(change, scene);
  if (text === undefined) return [];
  return [
    { modality: 'logs', kind: 'log', text, weight: -0.8, refutedBy: 'that those errors are about something else' },
  ];
}

const wellAfterMs = 5 * 60_000;

/** The alert whose detector compared before and after this very change, and found it wanting. */
export function holderOf(change: Change, scene: Scene): Scene['firing'][number] | undefined {
  return scene.firing.find(
    ({ finding: { changeId } }) => changeId !== undefined && scene.actOf(changeId) === change.id,
  );
}

/** What that comparison is worth. */
export function heldAgainst(change: Change, scene: Scene): readonly Note[] {
  const held = holderOf(change, scene);
  if (held === undefined) return [];
  const text = `${held.detector} compared before and after it and holds it against it: ${oneLine(held.finding.reason, 160)}`;
  // Across minutes in which all was well, the comparison says no more than that the change was recent: something else
  // may have begun since. Without other evidence it is then no answer (see `isOnlyRecent`).
  const trust = scene.onsetMs - change.atMs > wellAfterMs ? 0.35 : 1;
  return [{ modality: 'detector', kind: 'alert', text, weight: trust * held.finding.confidence }];
}
