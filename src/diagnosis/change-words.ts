import type { Change } from '../domain/change.ts';
import { formatDuration } from '../lib/duration.ts';
import { oneLine } from '../lib/text.ts';
import type { Note } from './draft.ts';
import { outwardNews } from './outward.ts';
import { symptomRules } from './rules.ts';
import type { Scene } from './scene.ts';
import { templateOf, wordsOf } from './words.ts';

const minute = 60_000;

/** New kinds of error since the change, where they speak of the service itself and not of something else. */
export function logNotes(change: Change, scene: Scene, replaced: Change | undefined): readonly Note[] {
  const outward = outwardNews(scene);
  const fresh = scene.news.filter(
    (news) =>
      news.service === change.service &&
      news.before === 0 &&
      news.firstMs >= change.atMs - scene.toleranceMs &&
      !outward.has(news) &&
      // What says that something ran out speaks for that first.
      !symptomRules.some((rule) => rule.pattern.test(news.text)),
  );
  const [first] = fresh.toSorted((a, b) => a.firstMs - b.firstMs);
  const own = scene.news.filter((news) => news.service === change.service);
  const away = own.filter((news) => outward.has(news)).reduce((sum, news) => sum + news.after, 0);
  const total = own.reduce((sum, news) => sum + news.after, 0);
  if (away > 0.8 * total)
    return [
      {
        modality: 'logs',
        kind: 'log',
        text: `${away} of ${total} new errors of ${change.service} point at something else`,
        weight: -1.5,
      },
    ];
  if (first === undefined) return [];
  const delay = formatDuration(Math.max(0, first.firstMs - change.atMs));
  const text = `${fresh.length} new kind${fresh.length === 1 ? '' : 's'} of error since, the first ${delay} after it: "${oneLine(first.template, 120)}"`;
  // What first came under a later release speaks for that one first.
  const later = replaced !== undefined && replaced.atMs <= first.firstMs;
  const weight = (first.firstMs - change.atMs <= 10 * minute ? 1.2 : 0.6) * (later ? 0.25 : 1);
  return [
    { modality: 'logs', kind: 'log', text, weight, atMs: first.firstMs, refutedBy: 'the same error before the change' },
  ];
}

/** The words of the trouble with their weight: what the baseline's logs said as well tells little. */
export function troubleWords(scene: Scene): ReadonlyMap<string, number> {
  const trouble = new Map<string, number>();
  const add = (text: string, weight: number): void => {
    for (const word of wordsOf(text)) trouble.set(word, Math.max(weight, trouble.get(word) ?? 0));
  };
  for (const news of scene.news.slice(0, 50)) add(`${news.template} ${news.text}`, news.before === 0 ? 1 : 0.6);
  for (const span of scene.input.snapshot.spans.filter((one) => one.status === 'error').slice(0, 200))
    add(
      [
        ...Object.values(span.attributes),
        ...(span.events ?? []).flatMap((event) => Object.values(event.attributes)),
      ].join(' '),
      1,
    );
  for (const shift of [...scene.shifts.values()].flat())
    if (shift.moved && shift.role !== 'traffic') add(shift.series.signal, 0.6);
  for (const alert of scene.firing) add(`${alert.signal} ${alert.finding.reason}`, 0.6);
  const names = new Set(scene.input.catalog.services.flatMap(({ name }) => [...wordsOf(name)]));
  for (const name of names) trouble.delete(name);
  const usual = scene.input.snapshot.logs
    .filter((log) => log.tMs < scene.onsetMs - scene.toleranceMs / 0.75)
    .slice(0, 2_000);
  const templates = new Set(usual.map((log) => templateOf(log.body)));
  for (const word of wordsOf([...templates].slice(0, 200).join(' '))) {
    const weight = trouble.get(word);
    if (weight !== undefined) trouble.set(word, 0.25 * weight);
  }
  return trouble;
}

/** What the text of a change and the new trouble have in common, rare words weighing most. */
export function lexicalNote(
  text: ReadonlySet<string>,
  trouble: ReadonlyMap<string, number>,
  idf: (word: string) => number,
): Note | undefined {
  const shared = [...text].flatMap((word) => {
    const weight = (trouble.get(word) ?? 0) * Math.max(0, idf(word));
    return weight > 0 ? [{ word, weight }] : [];
  });
  if (shared.length === 0) return undefined;
  shared.sort((a, b) => b.weight - a.weight || (a.word < b.word ? -1 : 1));
  const total = shared.slice(0, 8).reduce((sum, { weight }) => sum + weight, 0);
  const words = shared.slice(0, 5).map(({ word }) => word);
  const reading = `its text and the new trouble share telling words: ${words.join(', ')}`;
  return { modality: 'lexical', kind: 'log', text: reading, weight: Math.min(2, total * 0.35) };
}

/** All that is told of a change, as one text. */
export function textOf(change: Change): string {
  const { message = '', diff = '', files = '' } = change.attributes;
  // Where a release lies says nothing of what is in it, and every stack trace of the service names that place.
  const place = change.kind === 'deploy' || change.kind === 'rollback' ? ['path'] : [];
  const told = ['message', 'diff', 'files', ...place];
  const rest = Object.entries(change.attributes).filter(([key]) => !told.includes(key));
  return [message, files, diff.slice(0, 8_000), change.what, change.ref ?? '', ...rest.map(([, value]) => value)].join(
    ' ',
  );
}
