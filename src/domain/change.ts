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
