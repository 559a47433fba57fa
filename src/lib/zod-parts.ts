import * as z from 'zod';

import { parseDuration } from './duration.ts';
import type { Selector } from './selector.ts';

/**
 * The small things people write in every file, as zod types that print a JSON Schema of what is written (not of what it
 * becomes) and refuse with one sentence: `expected a duration such as 5m, got 5`.
 */
interface Part<T> {
  /** With its article and an example: `a duration such as 5m`. */
  readonly what: string;
  readonly read: (input: unknown) => T | undefined;
  /** JSON Schema of the written form, put into the printed schema as is. */
  readonly json: Readonly<Record<string, unknown>>;
}

function part<T>({ what, read, json }: Part<T>) {
  return z
    .unknown()
    .meta({ description: what, ...json })
    .transform((input, context): T => {
      const value = read(input);
      if (value !== undefined) return value;
      const message = input === undefined ? `missing: ${what} is required` : `expected ${what}, got ${shown(input)}`;
      context.issues.push({ code: 'custom', message, input });
      return z.NEVER;
    });
}

function shown(input: unknown): string {
  const text = input === undefined ? 'nothing' : JSON.stringify(input);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function matched(input: unknown, pattern: RegExp): RegExpExecArray | undefined {
  return typeof input === 'string' ? (pattern.exec(input) ?? undefined) : undefined;
}

const durationPattern = '^([0-9]{1,9}(ms|s|m|h|d|w))+$';

/** `90s`, `5m`, `1h30m`, `30d` → milliseconds. */
export const zDuration = part({
  what: 'a duration such as 5m',
  read: (input) => (typeof input === 'string' ? parseDuration(input) : undefined),
  json: { type: 'string', pattern: durationPattern, examples: ['90s', '5m', '1h30m', '30d'] },
});

/** `25%` or `0.25` → 0.25. From 0 to 1. */
export const zRatio = part({
  what: 'a ratio such as 25% or 0.25',
  read: (input) => {
    const percent = matched(input, /^(\d{1,3}(?:\.\d{1,9})?)\s?%$/);
    // Dividing the decimal text rather than the double keeps 99.9% at 0.999.
    const value = percent ? Number(`${percent[1] ?? ''}e-2`) : input;
    return typeof value === 'number' && value >= 0 && value <= 1 ? value : undefined;
  },
  json: {
    anyOf: [
      { type: 'string', pattern: '^[0-9]{1,3}(\\.[0-9]{1,9})?\\s?%$' },
      { type: 'number', minimum: 0, maximum: 1 },
    ],
    examples: ['25%', 0.25],
  },
});

/** `3x` or `1.5x` → 3, 1.5: how many times a reference. */
export const zMultiple = part({
  what: 'a multiple such as 3x',
  read: (input) => {
    const match = matched(input, /^(\d{1,6}(?:\.\d{1,6})?)x$/);
    return match ? Number(match[1]) : undefined;
  },
  json: { type: 'string', pattern: '^[0-9]{1,6}(\\.[0-9]{1,6})?x$', examples: ['3x', '1.5x'] },
});

const byteUnits: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** `10GiB`, `500MB`, `4096` → bytes. */
export const zBytes = part({
  what: 'a size such as 10GiB',
  read: (input) => {
    if (typeof input === 'number') return Number.isSafeInteger(input) && input >= 0 ? input : undefined;
    const match = matched(input, /^(\d{1,12}(?:\.\d{1,3})?)\s?(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)?$/);
    const bytes = match ? Math.round(Number(match[1]) * (byteUnits[match[2] ?? ''] ?? Number.NaN)) : Number.NaN;
    return Number.isSafeInteger(bytes) ? bytes : undefined;
  },
  json: {
    anyOf: [
      { type: 'string', pattern: '^[0-9]{1,12}(\\.[0-9]{1,3})?\\s?(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)?$' },
      { type: 'integer', minimum: 0 },
    ],
    examples: ['10GiB', '500MB'],
  },
});

/** A DNS-like name, as Kubernetes names things: lower-case letters, digits, `-`, `.`; at most 253. */
export const zName = part({
  what: 'a name such as payments-db (lower-case letters, digits, "-" and ".")',
  read: (input) =>
    typeof input === 'string' && input.length <= 253 && /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(input)
      ? input
      : undefined,
  json: { type: 'string', pattern: '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$', maxLength: 253, examples: ['payments-db'] },
});

/** An RFC 3339 time, quoted → epoch milliseconds. */
export const zTimestamp = part({
  what: "a quoted time such as '2026-01-31T08:00:00Z'",
  read: (input) => {
    if (!matched(input, /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/)) return undefined;
    const ms = Date.parse(String(input));
    return Number.isNaN(ms) ? undefined : ms;
  },
  json: { type: 'string', format: 'date-time', examples: ['2026-01-31T08:00:00Z'] },
});

/** An absolute http or https address without credentials in it; kept as written. */
export const zUrl = part({
  what: 'an address such as https://prometheus.example.com (http or https, no user or password in it)',
  read: (input) => {
    if (typeof input !== 'string' || input.length > 2_048 || !URL.canParse(input)) return undefined;
    const url = new URL(input);
    const plain = url.username === '' && url.password === '';
    return plain && (url.protocol === 'http:' || url.protocol === 'https:') ? input : undefined;
  },
  json: { type: 'string', format: 'uri', pattern: '^https?://', examples: ['http://127.0.0.1:9090'] },
});

/** A label selector: each key with a value or a list of values, globs allowed. See lib/selector.ts. */
export const zSelector = part<Selector>({
  what: 'a selector such as {tier: [critical, important]} (a name, then one text or a list of texts)',
  read: (input) => {
    if (typeof input !== 'object' || input === null || Array.isArray(input)) return undefined;
    const texts = (value: unknown) =>
      typeof value === 'string' || (Array.isArray(value) && value.every((each) => typeof each === 'string'));
    return Object.values(input).every(texts) ? (input as Selector) : undefined;
  },
  json: {
    type: 'object',
    additionalProperties: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
  },
});

/** A secret by handle. The secret itself, written in the file, is refused, and is not repeated in the message. */
export const zSecretRef = z
  .unknown()
  .meta({
    description: 'A secret, by handle: {file: /path} or {env: NAME}. Never the secret itself.',
    anyOf: [
      { type: 'object', properties: { file: { type: 'string' } }, required: ['file'], additionalProperties: false },
      { type: 'object', properties: { env: { type: 'string' } }, required: ['env'], additionalProperties: false },
    ],
  })
  .transform((input, context): { readonly file: string } | { readonly env: string } => {
    const found = secretRef(input);
    if (found) return found;
    const message =
      input === undefined
        ? 'missing: a secret is required, as {file: /path} or {env: NAME}'
        : 'a secret is given by handle, {file: /path} or {env: NAME}, and never written into the file';
    context.issues.push({ code: 'custom', message, input: undefined });
    return z.NEVER;
  });

function secretRef(input: unknown): { readonly file: string } | { readonly env: string } | undefined {
  if (typeof input !== 'object' || input === null || Object.keys(input).length !== 1) return undefined;
  if ('file' in input && typeof input.file === 'string' && input.file !== '') return { file: input.file };
  if ('env' in input && typeof input.env === 'string' && /^[A-Za-z_][A-Za-z0-9_]*$/.test(input.env))
    return { env: input.env };
  return undefined;
}
