import type { Alert, Finding } from '../domain/alert.ts';
import { digest } from '../lib/canonical.ts';

/** An alert's identity: digest of detector, service, signal and labels. The same thing gone wrong twice has one name. */
export function fingerprintOf(finding: Pick<Finding, 'detector' | 'service' | 'signal' | 'labels'>): string {
  const { detector, service, signal, labels } = finding;
  // Labels are untrusted: a lone surrogate must not keep an alert from having a name.
  const pairs = Object.keys(labels)
    .sort()
    .map((key) => [key.toWellFormed(), (labels[key] ?? '').toWellFormed()]);
  return digest([detector, service.toWellFormed(), signal.toWellFormed(), pairs]).slice(0, 32);
}

/** `info` < `warning` < `critical`, as numbers. */
export const severityRank: Readonly<Record<Alert['severity'], number>> = { info: 0, warning: 1, critical: 2 };
