/** Turns a log line into its template: what varies from line to line (ids, numbers, addresses, times) becomes `<*>`. */
export function templateOf(body: string): string {
  return body
    .slice(0, 1_000)
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22,}\b/gi, '<*>')
    .replace(/\b\d{4}-\d\d-\d\d[T ][\d:.]+Z?\b/g, '<*>')
    .replace(/\b(?:0x)?[0-9a-f]{12,}\b/gi, '<*>')
    .replace(/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g, '<*>')
    .replace(/(?<![A-Za-z])\d+(?:\.\d+)?/g, '<*>')
    .replace(/\s+/g, ' ')
    .trim();
}

const stop = new Set(
  (
    'the and for from with that this not are was has have but its into than then when will can all any our out new via per ' +
    'error errors failed failure fail warn info debug http https request requests response service svc handler func function return ' +
    'returned nil null true false err msg string int var let const import package context main test tests code line ' +
    'status server client get set add use make run post put value values data key name type struct interface self ' +
    'chore feat fix refactor docs style build bump tidy adjust change changed update updated simplify'
  ).split(' '),
);

/** The telling words of a text: identifiers taken apart (`MaxConns` → max, conns), lower case, common words left out. */
export function wordsOf(text: string): ReadonlySet<string> {
  const words = new Set<string>();
  for (const [token] of text.slice(0, 20_000).matchAll(/[A-Za-z][A-Za-z0-9]*/g)) {
    const parts = token
      .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
      .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
      .split(' ');
    for (const part of parts.length > 1 ? [...parts, token] : parts) {
      const word = stem(part.toLowerCase());
      if (word.length >= 3 && word.length <= 40 && !stop.has(word)) words.add(word);
    }
  }
  return words;
}

// Just enough that `connections`, `connection` and `conns`, `conn` meet.
function stem(word: string): string {
  if (word.length > 4 && word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  if (word.length > 3 && word.endsWith('s') && !word.endsWith('ss')) return word.slice(0, -1);
  return word;
}

/** Inverse document frequency over these texts: a word that all of them have tells nothing. */
export function idfOf(documents: readonly ReadonlySet<string>[]): (word: string) => number {
  const counts = new Map<string, number>();
  for (const document of documents) for (const word of document) counts.set(word, (counts.get(word) ?? 0) + 1);
  return (word) => Math.log((documents.length + 1) / ((counts.get(word) ?? 0) + 0.5));
}
