import { RE2JS } from '@bufbuild/re2';

import type { Labels } from '../../domain/telemetry.ts';
import type { ExposedSeries } from './exposition.ts';
import type { LabelMatch, Selection } from './schema.ts';

/** Says whether a series of the right name has the right labels. */
export type SeriesTest = (series: ExposedSeries) => boolean;

/**
 * Compiles a selection's conditions. An absent label counts as empty, as in PromQL. Answers are remembered by series, for
 * the same ones come again with each scrape; RE2 never takes more than time linear in the (untrusted) value.
 */
export function compileSelection(selection: Selection): SeriesTest {
  const tests = Object.entries(selection.match ?? {}).map(([label, wanted]) => compileLabel(label, wanted));
  if (tests.length === 0) return () => true;
  const answers = new WeakMap<ExposedSeries, boolean>();
  return (series) => {
    let answer = answers.get(series);
    if (answer === undefined) {
      answer = tests.every((test) => test(series.labels));
      answers.set(series, answer);
    }
    return answer;
  };
}

function compileLabel(label: string, wanted: LabelMatch): (labels: Labels) => boolean {
  const pattern = typeof wanted === 'string' ? wanted : wanted.not;
  const negate = typeof wanted !== 'string';
  const matches = /^[A-Za-z0-9_ /:,=@~%&!-]*$/.test(pattern) ? sameAs(pattern) : matchesWhole(pattern);
  return (labels) => matches(labels[label] ?? '') !== negate;
}

function sameAs(text: string): (value: string) => boolean {
  return (value) => value === text;
}

function matchesWhole(pattern: string): (value: string) => boolean {
  const compiled = RE2JS.compile(pattern, RE2JS.DOTALL);
  return (value) => compiled.testExact(value);
}
