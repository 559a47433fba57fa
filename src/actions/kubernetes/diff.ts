import { canonicalJson } from '../../lib/canonical.ts';
import { limits } from '../../lib/limits.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import { isRecord, records, text } from './read.ts';

/*
 * Before → after as people read it: `spec.replicas: 2 → 4`, `spec.template.spec.containers[app].image: shop:v3 → shop:v2`.
 * A plan goes into the ledger and into chat, and an environment variable, an argument or a ConfigMap may hold a secret:
 * values are shown only where Kubernetes gives them a meaning that is none.
 */

const shownLeaves = new Set([
  'image',
  'replicas',
  'minReplicas',
  'maxReplicas',
  'paused',
  'suspend',
  'unschedulable',
  'memory',
  'cpu',
  'storage',
  'ephemeral-storage',
  'watchkeeper.dev/restarts',
  'imagePullPolicy',
  'containerPort',
  'port',
  'periodSeconds',
  'timeoutSeconds',
  'failureThreshold',
  'initialDelaySeconds',
  'terminationGracePeriodSeconds',
  'serviceAccountName',
]);
const unspoken = new Set(['managedFields', 'resourceVersion', 'generation', 'status', 'creationTimestamp']);

/** What differs, line by line; bounded, with how many more there are. */
export function diffLines(before: JsonObject, after: JsonObject): readonly string[] {
  const lines: string[] = [];
  compare(before, after, '', '', lines);
  const most = limits.kubernetesDiffLines;
  return lines.length <= most ? lines : [...lines.slice(0, most), `... and ${lines.length - most} more`];
}

function compare(before: Json | undefined, after: Json | undefined, path: string, key: string, lines: string[]): void {
  if (same(before, after) || unspoken.has(key) || key === 'watchkeeper.dev/last-act') return;
  if (isRecord(before) || isRecord(after)) {
    const [a, b] = [isRecord(before) ? before : {}, isRecord(after) ? after : {}];
    for (const name of [...new Set([...Object.keys(a), ...Object.keys(b)])].sort())
      compare(a[name], b[name], path === '' ? name : `${path}.${name}`, name, lines);
    return;
  }
  const [a, b] = [named(before), named(after)];
  if (a !== undefined && b !== undefined) {
    for (const name of [...new Set([...Object.keys(a), ...Object.keys(b)])].sort())
      compare(a[name], b[name], `${path}[${name}]`, key, lines);
    return;
  }
  lines.push(`${path}: ${told(before, key)} → ${told(after, key)}`);
}

function told(value: Json | undefined, key: string): string {
  if (value === undefined || value === null) return 'none';
  if (typeof value === 'object') return `${Array.isArray(value) ? 'a list' : 'a block'} (not shown)`;
  return shownLeaves.has(key) || typeof value === 'boolean' ? String(value).slice(0, 200) : 'a value (not shown)';
}

// A list of things with names is compared by name, as the API merges it.
function named(value: Json | undefined): Readonly<Record<string, JsonObject>> | undefined {
  if (value === undefined) return {};
  const found = records(value);
  if (!Array.isArray(value) || found.length !== (value as readonly Json[]).length) return undefined;
  if (found.some((one) => text(one['name']) === '')) return undefined;
  return Object.fromEntries(found.map((one) => [text(one['name']), one]));
}

function same(a: Json | undefined, b: Json | undefined): boolean {
  return canonicalJson([a ?? null]) === canonicalJson([b ?? null]);
}
