import { limits } from '../lib/limits.ts';
import type { Finding } from '../domain/alert.ts';
import type { DetectorBatch, DetectorRule } from '../domain/ports/detector.ts';

/** What a bank says of series it has no room for: one explicit `unknown` per service. */
export function overLimit(
  env: {
    readonly rule: DetectorRule;
    readonly options: { readonly maxSeries?: number };
    readonly batch: DetectorBatch;
  },
  service: string,
  count: number,
): Finding {
  const { rule, batch } = env;
  const most = env.options.maxSeries ?? limits.detectorSeries;
  return {
    detector: rule.name,
    kind: rule.kind,
    service,
    signal: rule.on,
    labels: { limit: 'series' },
    state: 'unknown',
    atMs: batch.asOfMs,
    sinceMs: batch.asOfMs,
    severity: rule.severity,
    reason: `${count} more series of ${rule.on} of ${service} are not watched by ${rule.name}: it already follows ${most}, its limit`,
    numbers: { refused: count, limit: most },
    confidence: 0,
  };
}
