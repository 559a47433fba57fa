/** Removes secrets from text before any sink (I13): log, ledger, chat, API. */
export interface Scrubber {
  /** Tells it a value that must never appear anywhere. Very short values are ignored: they would blank ordinary text. */
  learn(secret: string): void;
  text(text: string): string;
  /** Scrubs every string inside a value, and the values of keys that name secrets. */
  value(value: unknown): unknown;
}

const redacted = '[redacted]';
const shortestSecret = 6;
const deepest = 12;

// Shapes of well-known credentials: they are caught even when nobody told us the value.
const shapes: readonly RegExp[] = [
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g,
  /\bxox[abeoprs]-[0-9A-Za-z-]{10,}/g,
  /\bxapp-[0-9A-Za-z-]{10,}/g,
  /\bgh[pousr]_[0-9A-Za-z]{30,}\b/g,
  /\bgithub_pat_[0-9A-Za-z_]{40,}\b/g,
  /\bglpat-[0-9A-Za-z_-]{20,}/g,
  /\beyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]*/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /PRIVATE\+KEY\+[^\s]+/g,
  /\b(?:Bearer|Basic)\s+[0-9A-Za-z+/=._~-]{8,}/gi,
  /(?<=:\/\/[^/\s:@]{1,64}:)[^@\s/]{3,}(?=@)/g,
  /(?<=\b(?:password|passwd|secret|token|api[_-]?key|access[_-]?key)["']?\s*[=:]\s*["']?)[^\s"',;&]{4,}/gi,
];
const secretKeys =
  /^(?:password|passwd|secret|token|authorization|cookie|set-cookie|api[_-]?key|private[_-]?key|access[_-]?key|client[_-]?secret)$/i;

/** Makes the one scrubber of a process. */
export function createScrubber(): Scrubber {
  const known = new Set<string>();
  const text = (input: string): string => {
    let out = input;
    for (const secret of known) if (out.includes(secret)) out = out.replaceAll(secret, redacted);
    for (const shape of shapes) out = out.replace(shape, redacted);
    return out;
  };
  const value = (input: unknown, depth = 0): unknown => {
    if (typeof input === 'string') return text(input);
    if (input === null || typeof input !== 'object') return input;
    if (depth >= deepest) return '[too deep]';
    if (input instanceof Error)
      return {
        name: input.name,
        message: text(input.message),
        ...('code' in input ? { code: input.code } : {}),
        ...(input.cause === undefined ? {} : { cause: value(input.cause, depth + 1) }),
        ...(input.stack === undefined ? {} : { stack: text(input.stack) }),
      };
    if (Array.isArray(input)) return input.map((item) => value(item, depth + 1));
    return Object.fromEntries(
      Object.entries(input).map(([key, member]) => [
        key,
        secretKeys.test(key) && typeof member === 'string' ? redacted : value(member, depth + 1),
      ]),
    );
  };
  return {
    learn: (secret) => {
      const trimmed = secret.trim();
      if (trimmed.length < shortestSecret) return;
      known.add(trimmed);
      known.add(encodeURIComponent(trimmed));
      known.add(Buffer.from(trimmed, 'utf8').toString('base64'));
    },
    text,
    value: (input) => value(input),
  };
}
