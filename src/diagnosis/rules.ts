import type { LogNews } from './log-news.ts';

/** What an error text means when it names its own cause. The text is data: it is matched, never followed. */
export interface SymptomRule {
  readonly id: string;
  readonly cause: 'resource' | 'external';
  readonly title: string;
  readonly pattern: RegExp;
  readonly weight: number;
}

/** The words that systems themselves use when they run out of something, or when the world outside fails them. */
export const symptomRules: readonly SymptomRule[] = [
  rule(
    'disk-full',
    'resource',
    'the disk is full',
    /no space left on device|disk quota exceeded|\bENOSPC\b|disk full/i,
    2,
  ),
  rule(
    'out-of-memory',
    'resource',
    'it ran out of memory',
    /out of memory|oom.?kill|OutOfMemoryError|cannot allocate memory/i,
    2,
  ),
  rule('out-of-files', 'resource', 'it ran out of file descriptors', /too many open files|\bE[MN]FILE\b/i, 2),
  rule(
    'pool-exhausted',
    'resource',
    'its connection pool is exhausted',
    /pool (is |was )?(exhausted|full)|remaining connection slots|too many (clients|connections)|acquir\w* (a )?connection/i,
    1.5,
  ),
  rule(
    'certificate',
    'external',
    'a certificate is not valid',
    /certificate (has |is )?(expired|not yet valid)|x509: certificate|CERT_HAS_EXPIRED|tls: (bad|expired|failed to verify) certificate/i,
    2.5,
  ),
  rule(
    'dns',
    'external',
    'names do not resolve',
    /no such host|\bSERVFAIL\b|\bNXDOMAIN\b|name resolution|\bEAI_AGAIN\b|\bENOTFOUND\b|lookup \S+( on \S+)?: (i\/o timeout|server misbehaving)/i,
    2.5,
  ),
];

function rule(id: string, cause: SymptomRule['cause'], title: string, pattern: RegExp, weight: number): SymptomRule {
  return { id, cause, title, pattern, weight };
}

/** Hosts outside that an error names: a dotted public-looking name in a URL or in a peer attribute. */
export function foreignHosts(news: LogNews, own: ReadonlySet<string>): readonly string[] {
  return foreignHostsIn(news.text, own);
}

/** Dotted public-looking names in a text that are not ours. */
export function foreignHostsIn(text: string, own: ReadonlySet<string>): readonly string[] {
  const hosts = new Set<string>();
  for (const [host] of text.matchAll(
    /\b(?:[a-z0-9-]{1,63}\.){1,6}(?:com|net|org|io|dev|cloud|app|co|eu|de|uk|ai)\b/gi,
  )) {
    const name = host.toLowerCase();
    if (
      ![...own].some((service) => name.split('.')[0] === service.toLowerCase()) &&
      !/\.(local|internal)$|(^|\.)svc\./.test(name)
    )
      hosts.add(name);
  }
  return [...hosts].sort();
}

/** Services of ours that an error names, other than the one that wrote it. */
export function namedServices(news: LogNews, services: readonly string[]): readonly string[] {
  const text = news.text.toLowerCase();
  // "cart is empty" names no service; "call to cart timed out" does.
  if (!callWords.test(text)) return [];
  return services.filter(
    (service) => service !== news.service && service.length >= 3 && hasWord(text, service.toLowerCase()),
  );
}

const callWords =
  /connect|refused|time[d-]? ?out|unavailable|unreachable|reset by|\bcall(s|ed|ing)?\b|upstream|dial|\brpc\b|\b5\d\d\b|deadline|handshake|resolv|answered|\w:\/\/|request to/;

function hasWord(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    const before = text[at - 1] ?? ' ';
    const after = text[at + word.length] ?? ' ';
    if (!/[a-z0-9]/.test(before) && !/[a-z0-9]/.test(after)) return true;
  }
  return false;
}
