import { gunzipSync } from 'node:zlib';

import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import { oneLine } from '../../../lib/text.ts';

/**
 * Reads what one of our scripts printed on a Windows host: `@ begin`, a JSON document as gzip and base64, `@ end`. What a login
 * shell prints around it is passed over, and plain ASCII is the same in every code page. A host's answer is untrusted: it is
 * bounded before it is unpacked, and half of one is none. @throws `malformed`, `too-large`.
 */
export function parseFrame(stdout: Uint8Array, stderr: string): unknown {
  const lines = new TextDecoder('latin1').decode(stdout).split(/\r?\n/);
  const begin = lines.indexOf('@ begin');
  const end = lines.indexOf('@ end', begin);
  if (begin < 0 && stdout.includes(0)) throw malformed('it is UTF-16, which our script does not write', stderr);
  if (begin < 0) throw malformed('it does not begin', stderr);
  if (end < 0) throw malformed('it does not end', stderr);
  const text = lines.slice(begin + 1, end).join('');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw malformed('it is not base64', stderr);
  try {
    return JSON.parse(unpacked(text), (_key, value: unknown) => uncounted(value)) as unknown;
  } catch (thrown) {
    if (thrown instanceof WatchkeeperError) throw thrown;
    throw malformed('it is not JSON', stderr);
  }
}

// Windows PowerShell 5.1 writes an array that went through its pipeline as `{ value, Count }` (ConvertTo-Json tells the property
// that its type system adds to arrays); 7 does not.
function uncounted(given: unknown): unknown {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return given;
  const { value, Count: count, ...more } = given as Record<string, unknown>;
  return Array.isArray(value) && typeof count === 'number' && Object.keys(more).length === 0 ? value : given;
}

function unpacked(text: string): string {
  try {
    return gunzipSync(Buffer.from(text, 'base64'), { maxOutputLength: limits.windowsDocumentBytes }).toString('utf8');
  } catch (thrown) {
    if (thrown instanceof RangeError)
      throw new WatchkeeperError(
        'too-large',
        `the host's answer unpacks to more than ${limits.windowsDocumentBytes} bytes`,
      );
    throw malformed('it is not packed as it should be', '');
  }
}

function malformed(what: string, stderr: string): WatchkeeperError {
  const said = plainErrors(stderr);
  const words = said === '' ? '' : `; it said: ${said}`;
  return new WatchkeeperError('malformed', `the host's answer cannot be read: ${what}${words}`, {
    fix: 'Check that PowerShell runs for this user there (ssh HOST powershell -NoProfile -Command 1).',
  });
}

/**
 * What PowerShell wrote to its error stream, in one line: the texts of the errors where it is CLIXML (`#< CLIXML`, its way of
 * writing objects to a pipe; MS-PSRP), else as it is. Untrusted, and in the language and code page of the host.
 */
export function plainErrors(stderr: string): string {
  const start = stderr.indexOf('#< CLIXML');
  if (start < 0) return oneLine(stderr, 200).trim();
  // Bounded first: what follows is matched by a regular expression without nesting.
  const texts = [...stderr.slice(start, start + 64 * 1024).matchAll(/<S S="Error">([^<]*)<\/S>/g)].map(
    ([, text = '']) => text,
  );
  const plain = texts
    .join('')
    .replace(/_x([0-9A-F]{4})_/g, (_whole, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return oneLine(entities(plain), 200).trim();
}

function entities(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');
}
