import { RE2JS } from '@bufbuild/re2';

import type { Labels } from '../../domain/telemetry.ts';
import type { LabelMatch, Selection } from './schema.ts';

/** A selection's conditions, compiled. */
export interface CompiledSelection {
  readonly metric: string;
  /** Says whether a series of the right name has the right labels. RE2 takes time linear in the (untrusted) value. */
  readonly test: (labels: Labels) => boolean;
  /** One label that must have exactly this value, when there is one: selections are found by it, not tried one by one. */
  readonly exact: { readonly label: string; readonly value: string } | undefined;
}

/** Compiles a selection's conditions. An absent label counts as empty, as in PromQL. */
export function compileSelection(selection: Selection): CompiledSelection {
  const written = Object.entries(selection.match ?? {});
  const tests = written.map(([label, wanted]) => compileLabel(label, wanted));
  const exact = written.find(([, wanted]) => typeof wanted === 'string' && wanted !== '' && plain.test(wanted));
  return {
    metric: selection.metric,
    test: (labels) => tests.every((test) => test(labels)),
    exact: exact === undefined ? undefined : { label: exact[0], value: exact[1] as string },
  };
}

const plain = /^[A-Za-z0-9_ /:,=@~%&!-]*$/;

function compileLabel(label: string, wanted: LabelMatch): (labels: Labels) => boolean {
  const pattern = typeof wanted === 'string' ? wanted : wanted.not;
  const negate = typeof wanted !== 'string';
  const matches = plain.test(pattern) ? sameAs(pattern) : matchesWhole(pattern);
  return (labels) => matches(labels[label] ?? '') !== negate;
}

function sameAs(text: string): (value: string) => boolean {
  return (value) => value === text;
}

function matchesWhole(pattern: string): (value: string) => boolean {
  const compiled = RE2JS.compile(pattern, RE2JS.DOTALL);
  return (value) => compiled.testExact(value);
}
