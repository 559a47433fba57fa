import type { ErrorCode } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { Gap, GapReason } from '../../domain/telemetry.ts';
import type { Part } from './cluster.ts';
import type { KindName } from './kinds.ts';

/** What cannot be read of a cluster now: for people, one sentence; for series, which kinds they cannot be read from. */
export interface Blindness {
  readonly kind: KindName;
  readonly namespace?: string;
  readonly reason: GapReason;
  readonly message: string;
  readonly sinceMs: number;
}

/** The kinds that are not known well enough to speak of. What is briefly out of touch still counts as known. */
export function blindnessOf(parts: readonly Part[], nowMs: number): readonly Blindness[] {
  return parts.flatMap((part): readonly Blindness[] => {
    const { status, kind, namespace, refused, objects } = part;
    const where = namespace === undefined ? '' : ` in namespace ${namespace}`;
    const about = { kind, ...(namespace === undefined ? {} : { namespace }) };
    if (status.state === 'starting')
      return [{ ...about, reason: 'late', message: `${kind}${where} have not been listed yet`, sinceMs: nowMs }];
    if (status.state === 'failing') {
      const sinceMs = status.failingSinceMs ?? nowMs;
      const known = status.heardMs !== undefined && nowMs - sinceMs < limits.kubernetesGraceMs;
      if (known) return [];
      const message = `${kind}${where} cannot be read: ${status.fault?.message ?? 'no reason given'}`;
      return [{ ...about, reason: reasonFor(status.fault?.code), message, sinceMs }];
    }
    if (refused === 0) return [];
    const message = `there are more ${kind} than maxObjects allows: ${refused} are not watched beside ${objects} that are`;
    return [{ ...about, reason: 'too-large', message, sinceMs: nowMs }];
  });
}

/** The gap that tells people of it. Its signal is the kind, so that no series is concerned that does not need it. */
export function gapOf(source: string, blindness: Blindness, nowMs: number): Gap {
  return {
    source,
    reason: blindness.reason,
    message: blindness.message,
    fromMs: Math.min(blindness.sinceMs, nowMs),
    untilMs: nowMs,
    signal: blindness.kind,
  };
}

/** What a fault of a read means as a gap. */
export function reasonFor(code: ErrorCode | undefined): GapReason {
  switch (code) {
    case 'unauthorized':
    case 'forbidden':
      return 'unauthorized';
    case 'timeout':
    case 'rate-limited':
    case 'malformed':
    case 'too-large':
    case 'unsupported':
      return code;
    case 'not-found':
      return 'missing';
    default:
      return 'unreachable';
  }
}
