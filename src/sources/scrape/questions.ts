import { canonicalJson } from '../../lib/canonical.ts';
import { seriesKey, type Sample, type Series } from '../../domain/telemetry.ts';
import type { SignalQuery } from '../../domain/ports/source.ts';
import { compileQuery, type CompiledQuery } from './evaluate.ts';
import { createTakingIndex } from './members.ts';
import { typedQuery } from './schema.ts';
import type { Target } from './target.ts';

/** One signal of one service, ready to be answered: its query, and the keys of the series that its groups are, made once. */
export interface Question {
  readonly signal: SignalQuery;
  /** The query, or what is wrong with it. */
  readonly query: CompiledQuery | string;
  /** By the group's place. */
  readonly keys: string[];
}

/** The questions a source is asked, kept between collects, and which series answer which. */
export interface Questions {
  /** Takes what is asked now; nothing is compiled again that was asked last time. */
  ask(signals: readonly SignalQuery[], targets: readonly Target[]): readonly Question[];
  /** Puts series met since the last call where they belong. Must run after scraping and before answering. */
  settle(targets: readonly Target[]): void;
  readonly wanted: ReadonlySet<string>;
}

/** Nothing is asked yet. */
export function createQuestions(): Questions {
  const wanted = new Set<string>();
  let compiled = new Map<string, CompiledQuery | string>();
  let questions: readonly Question[] = [];
  let index = createTakingIndex();
  let renewed = false;
  const keys = new WeakMap<SignalQuery['binding'], string>();

  const keyOf = ({ binding }: SignalQuery): string => {
    let key = keys.get(binding);
    if (key === undefined) keys.set(binding, (key = canonicalJson(binding.query)));
    return key;
  };
  const same = (signals: readonly SignalQuery[]): boolean =>
    signals.length === questions.length &&
    signals.every((signal, at) => {
      const known = questions[at]?.signal;
      return known?.binding === signal.binding && known.service === signal.service && known.signal === signal.signal;
    });

  return {
    wanted,
    ask: (signals, targets) => {
      if (same(signals)) return questions;
      const next = new Map<string, CompiledQuery | string>();
      questions = signals.map((signal) => {
        const key = keyOf(signal);
        const query = next.get(key) ?? compileOne(signal);
        next.set(key, query);
        return { signal, query, keys: [] };
      });
      compiled = next;
      wanted.clear();
      index = createTakingIndex();
      for (const query of compiled.values()) {
        if (typeof query === 'string') continue;
        for (const name of query.names) wanted.add(name);
        index.add(query.top);
        if (query.bottom !== undefined) index.add(query.bottom);
      }
      for (const { parser } of targets) parser.wantedChanged();
      renewed = true;
      return questions;
    },
    settle: (targets) => {
      const moved = targets.some(({ parser, generation }) => parser.generation !== generation);
      if (renewed || moved) {
        for (const query of compiled.values()) if (typeof query !== 'string') emptied(query);
        for (const question of questions) question.keys.length = 0;
      }
      for (const [place, target] of targets.entries()) {
        target.generation = target.parser.generation;
        const fresh = target.parser.takeFresh();
        if (renewed || moved) index.clear(place);
        for (const series of renewed || moved ? target.parser.series() : fresh)
          index.assign(place, target.labels, series);
      }
      renewed = false;
    },
  };
}

function emptied({ groups }: CompiledQuery): void {
  groups.list.length = 0;
  groups.index.clear();
}

function compileOne({ binding }: SignalQuery): CompiledQuery | string {
  const parsed = typedQuery.parse(binding.query);
  if (parsed.ok) return compileQuery(parsed.value);
  return parsed.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
}

/** The series that a group of a question is, with one sample. */
export function answered(question: Question, group: number, source: string, sample: Sample): Series | undefined {
  if (typeof question.query === 'string') return undefined;
  const labels = question.query.groups.list[group] ?? {};
  const { service, signal, binding } = question.signal;
  // A copy in one piece: a text that was put together keeps its pieces alive.
  const key = (question.keys[group] ??= Buffer.from(seriesKey(service, signal, labels)).toString());
  return { key, source, service, signal, labels, unit: binding.unit, nature: binding.nature, samples: [sample] };
}
