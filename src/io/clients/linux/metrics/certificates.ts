import { X509Certificate } from 'node:crypto';

import { gapMessage, gapReason, malformed, readText } from '../reading.ts';
import type { ReadContext, Reading } from '../reading.ts';
import { point } from './kernel.ts';

const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;
const maxBytes = 256 * 1024;
const maxCertificates = 100;

/** Makes the reader of certificate files (PEM). Each file is one series: of a chain, the certificate that ends first. */
export function createCertificateReader(paths: readonly string[]): (context: ReadContext) => Promise<Reading> {
  return async (context) => {
    const parts = await Promise.all(paths.map((path) => readOne(path, context)));
    return { points: parts.flatMap(({ points }) => points), problems: parts.flatMap(({ problems }) => problems) };
  };
}

async function readOne(path: string, context: ReadContext): Promise<Reading> {
  const labels = { path };
  try {
    const endsMs = firstEnd(path, await readText(context, path, maxBytes));
    return { points: [point('certificate_expiry', (endsMs - context.clock.nowMs()) / 1_000, labels)], problems: [] };
  } catch (thrown) {
    const problem = { reason: gapReason(thrown), message: gapMessage(thrown, 'certificate') };
    return { points: [], problems: [{ metrics: ['certificate_expiry'], labels, ...problem }] };
  }
}

/** When the first of a file's certificates ends, epoch milliseconds. @throws `malformed` when it holds none. */
export function firstEnd(path: string, text: string): number {
  const ends = (text.match(block) ?? []).slice(0, maxCertificates).map((pem) => {
    try {
      return new X509Certificate(pem).validToDate.getTime();
    } catch {
      throw malformed(path, 'a certificate in it cannot be read');
    }
  });
  if (ends.length === 0) throw malformed(path, 'it holds no certificate in PEM');
  return Math.min(...ends);
}
