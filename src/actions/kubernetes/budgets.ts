import type { Json } from '../../lib/json.ts';
import type { KubernetesObject } from '../../domain/ports/kubernetes.ts';
import { at, count, isRecord, records, text, texts } from './read.ts';

/** A PodDisruptionBudget, as far as acting needs it. */
export interface Budget {
  readonly name: string;
  /** How many more pods may be disrupted right now. */
  readonly allowed: number;
}

/** What a PodDisruptionBudget allows now. One whose status is older than its spec allows nothing. */
export function budgetOver(pdb: KubernetesObject): Budget {
  const stale = count(at(pdb, 'status', 'observedGeneration')) < count(pdb.metadata.generation);
  return { name: pdb.metadata.name, allowed: stale ? 0 : count(at(pdb, 'status', 'disruptionsAllowed')) };
}

/** Whether a budget is about pods with these labels. In policy/v1 an empty selector means every pod. */
export function covers(pdb: KubernetesObject, labels: Json | undefined): boolean {
  return selectorMatches(at(pdb, 'spec', 'selector'), texts(labels));
}

function selectorMatches(selector: Json | undefined, labels: Readonly<Record<string, string>>): boolean {
  if (!isRecord(selector)) return false;
  const plain = Object.entries(texts(selector['matchLabels'])).every(([key, value]) => labels[key] === value);
  return plain && records(selector['matchExpressions']).every((one) => expressionMatches(one, labels));
}

function expressionMatches(one: Json, labels: Readonly<Record<string, string>>): boolean {
  const value = labels[text(at(one, 'key'))];
  const values = at(one, 'values');
  const listed = value !== undefined && Array.isArray(values) && (values as readonly Json[]).includes(value);
  switch (at(one, 'operator')) {
    case 'In':
      return listed;
    case 'NotIn':
      return !listed;
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      // An operator that we do not know may well match: a budget is taken to hold rather than not.
      return true;
  }
}

/** A label selector in the form that lists take, or `undefined` for none: `app=shop,tier in (web)`. */
export function selectorText(selector: Json | undefined): string | undefined {
  if (!isRecord(selector)) return undefined;
  const parts = Object.entries(texts(selector['matchLabels'])).map(([key, value]) => `${key}=${value}`);
  for (const one of records(selector['matchExpressions'])) {
    const key = text(one['key']);
    const values = Array.isArray(one['values']) ? (one['values'] as readonly Json[]).map(text).join(',') : '';
    if (one['operator'] === 'In') parts.push(`${key} in (${values})`);
    if (one['operator'] === 'NotIn') parts.push(`${key} notin (${values})`);
    if (one['operator'] === 'Exists') parts.push(key);
    if (one['operator'] === 'DoesNotExist') parts.push(`!${key}`);
  }
  return parts.length === 0 ? undefined : parts.join(',');
}
