import type { Labels } from '../../domain/telemetry.ts';
import type { CompiledSelection } from './select.ts';
import type { ExposedSeries } from './table.ts';

/** The combinations of one query's `by` labels, in the order they were first met; a ratio's two halves share them. */
export interface Groups {
  readonly by: readonly string[];
  readonly list: Labels[];
  readonly index: Map<string, number>;
}

/** No group yet. */
export function newGroups(by: readonly string[]): Groups {
  return { by, list: [], index: new Map() };
}

/** The series of one target that a selection takes, and the group each belongs to. */
export interface Members {
  readonly series: ExposedSeries[];
  readonly groups: number[];
}

/** A selection with the series it takes, target by target. Found once for each series, not at every scrape. */
export interface Taking {
  readonly selection: CompiledSelection;
  readonly groups: Groups;
  readonly targets: Members[];
}

/** Every taking by its metric's name, and below that by the label that must have one value. */
export interface TakingIndex {
  add(taking: Taking): void;
  /** Puts a series of a target wherever it belongs. */
  assign(target: number, labels: Labels, series: ExposedSeries): void;
  /** Empties a target's places, before its series are assigned anew. */
  clear(target: number): void;
}

interface ByName {
  readonly always: Taking[];
  readonly exact: Map<string, Map<string, Taking[]>>;
}

/** Makes an index of nothing. */
export function createTakingIndex(): TakingIndex {
  const names = new Map<string, ByName>();
  const all: Taking[] = [];
  return {
    add: (taking) => {
      all.push(taking);
      const { metric, exact } = taking.selection;
      const place = names.get(metric) ?? { always: [], exact: new Map<string, Map<string, Taking[]>>() };
      names.set(metric, place);
      if (exact === undefined) {
        place.always.push(taking);
        return;
      }
      const values = place.exact.get(exact.label) ?? new Map<string, Taking[]>();
      place.exact.set(exact.label, values);
      values.set(exact.value, [...(values.get(exact.value) ?? []), taking]);
    },
    assign: (target, labels, series) => {
      const place = names.get(series.name);
      if (place === undefined) return;
      for (const taking of place.always) take(taking, target, labels, series);
      for (const [label, values] of place.exact)
        for (const taking of values.get(series.labels[label] ?? '') ?? []) take(taking, target, labels, series);
    },
    clear: (target) => {
      for (const taking of all) taking.targets[target] = { series: [], groups: [] };
    },
  };
}

function take(taking: Taking, target: number, labels: Labels, series: ExposedSeries): void {
  if (!taking.selection.test(series.labels)) return;
  const members = (taking.targets[target] ??= { series: [], groups: [] });
  members.series.push(series);
  members.groups.push(groupOf(taking.groups, labels, series));
}

function groupOf(groups: Groups, target: Labels, series: ExposedSeries): number {
  const { by, list, index } = groups;
  const pairs = by.map((label) => [label, target[label] ?? series.labels[label] ?? ''] as const);
  const [only] = pairs;
  // Of one label the value itself, which is there already: with many series each string counts.
  const key = only !== undefined && pairs.length === 1 ? only[1] : JSON.stringify(pairs.map(([, value]) => value));
  const known = index.get(key);
  if (known !== undefined) return known;
  index.set(key, list.length);
  list.push(Object.fromEntries(pairs.filter(([, value]) => value !== '')));
  return list.length - 1;
}
