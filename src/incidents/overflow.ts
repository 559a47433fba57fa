import type { Alert, Finding } from '../domain/alert.ts';
import { fingerprintOf } from './fingerprint.ts';
import { begin, hear } from './life.ts';
import type { AlertRule, LifeContext, Told } from './life.ts';

const rule: AlertRule = { holdMs: 0, clearMs: 5 * 60_000, mode: 'active' };

/** The detector that speaks for Watchkeeper itself. */
export const ownDetector = 'watchkeeper';

/** More alerts than may be kept is an alert itself, living by the same rules: what was left out is said, never lost silently. */
export function stepOverflow(state: readonly Alert[], refused: number, now: LifeContext): Told {
  const finding = overflowFinding(refused, now);
  const fingerprint = fingerprintOf(finding);
  const known = state.find((alert) => alert.fingerprint === fingerprint);
  if (known !== undefined && known.status !== 'resolved') return hear(known, finding, rule, now);
  if (refused > 0) return begin(fingerprint, finding, rule, now, known);
  return { transitions: [] };
}

function overflowFinding(refused: number, now: LifeContext): Finding {
  const limit = now.settings.maxActive;
  return {
    detector: ownDetector,
    kind: 'storm',
    service: ownDetector,
    signal: 'alerts',
    labels: {},
    state: refused > 0 ? 'bad' : 'good',
    atMs: now.asOfMs,
    sinceMs: now.asOfMs,
    severity: 'critical',
    reason:
      refused > 0
        ? `${refused} more alerts than the ${limit} that are kept: the gravest were taken first`
        : `fewer alerts than the ${limit} that are kept`,
    numbers: { refused, limit },
    confidence: 1,
  };
}
