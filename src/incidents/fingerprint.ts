import type { Alert, Finding } from '../domain/alert.ts';
import { digest } from '../lib/canonical.ts';

/** What a fingerprint is made of. */
type About = Pick<Finding, 'detector' | 'service' | 'signal' | 'labels'>;

// Detectors restate what goes on with the same labels at every step: in a storm the digests were a sixth of a turn.
const named = new WeakMap<Finding['labels'], Omit<About, 'labels'> & { readonly fingerprint: string }>();

/** An alert's identity: digest of detector, service, signal and labels. The same thing gone wrong twice has one name. */
export function fingerprintOf(finding: About): string {
  const { detector, service, signal, labels } = finding;
  const known = named.get(labels);
  if (known?.detector === detector && known.service === service && known.signal === signal) return known.fingerprint;
  const fingerprint = digestOf(finding);
  named.set(labels, { detector, service, signal, fingerprint });
  return fingerprint;
}

function digestOf({ detector, service, signal, labels }: About): string {
  // Labels are untrusted: a lone surrogate must not keep an alert from having a name.
  const pairs = Object.keys(labels)
    .sort()
    .map((key) => [key.toWellFormed(), (labels[key] ?? '').toWellFormed()]);
  return digest([detector, service.toWellFormed(), signal.toWellFormed(), pairs]).slice(0, 32);
}

/** `info` < `warning` < `critical`, as numbers. */
export const severityRank: Readonly<Record<Alert['severity'], number>> = { info: 0, warning: 1, critical: 2 };
