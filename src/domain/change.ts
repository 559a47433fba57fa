import type { Labels } from './telemetry.ts';

/** What sort of change. `rollback` is a deploy of an earlier version; its own transient is expected too. */
export type ChangeKind = 'deploy' | 'rollback' | 'config' | 'scale' | 'flag' | 'package' | 'restart' | 'infrastructure';

/** A deploy, config edit, scale, flag or infrastructure edit: what, from → to, when, who, ref. */
export interface Change {
  /** Stable: the same change read twice, or announced and also seen, has one id. */
  readonly id: string;
  readonly kind: ChangeKind;
  readonly service: string;
  readonly atMs: number;
  /** `current`, `unit-file`, `package:nginx` ...: what was changed, within the service. */
  readonly what: string;
  readonly from?: string;
  readonly to?: string;
  /** Who did it, as far as the source can tell. Our own acts carry `watchkeeper` and the execution's id in `ref`. */
  readonly actor?: string;
  /** A commit, URL or pipeline run. */
  readonly ref?: string;
  readonly source: string;
  /** Which instances were touched, when not all (canary, partial roll-out). */
  readonly instances?: readonly string[];
  /** When each of them was touched, where that was seen one by one; one that is not here was touched at `atMs`. */
  readonly instanceAtMs?: Readonly<Record<string, number>>;
  /** True when going back is known to be unsafe (a migration ran): runbooks refuse. */
  readonly irreversible?: boolean;
  /**
   * Given by a sync or a release: who wrote for it, and from when until when it was at work. What they changed of the
   * service in that time is part of it, and told in detail beside it.
   */
  readonly carried?: { readonly by: string; readonly fromMs: number; readonly untilMs: number };
  readonly attributes: Labels;
}

/** What a deploy-aware detector concluded about a change. `healthy` is why nobody was called. */
export interface ChangeVerdict {
  readonly changeId: string;
  readonly service: string;
  readonly detector: string;
  readonly signal: string;
  readonly verdict: 'healthy' | 'regressed' | 'inconclusive';
  readonly because: string;
  readonly atMs: number;
}

/** Labels that say which instance of a service a series tells of, the most telling first. */
export const instanceLabels = ['instance', 'pod', 'host', 'node', 'container', 'task'] as const;

/**
 * On which side of a change that names instances a series lies. `undefined` when that cannot be told: the change names
 * none, the series tells of the whole service, or of addresses where the change knows names.
 */
export function sideOfChange(change: Change, labels: Labels): 'touched' | 'rest' | undefined {
  const { instances } = change;
  if (instances === undefined) return undefined;
  const mine = instanceLabels.flatMap((name) => labels[name] ?? []).map(instanceName);
  if (mine.length === 0) return undefined;
  if (instances.some((name) => mine.includes(instanceName(name)))) return 'touched';
  return mine.every(isAddress) && !instances.some((name) => isAddress(instanceName(name))) ? undefined : 'rest';
}

/** When a change touched what a series tells of. */
export function touchedAtMs(change: Change, labels: Labels): number {
  if (change.instanceAtMs === undefined) return change.atMs;
  const mine = instanceLabels.flatMap((name) => labels[name] ?? []).map(instanceName);
  const own = Object.entries(change.instanceAtMs).find(([name]) => mine.includes(instanceName(name)));
  return own?.[1] ?? change.atMs;
}

/** An instance without its port: `web-1:9100` is how Prometheus names `web-1`. */
export function instanceName(name: string): string {
  return name.replace(/^\[(.*)\]:\d+$/, '$1').replace(/^([^:]+):\d+$/, '$1');
}

function isAddress(name: string): boolean {
  return /^\d+(\.\d+){3}$/.test(name) || /^[0-9a-f]*:[0-9a-f:.]+$/i.test(name);
}
