/**
 * What in a JSON text one reader would take differently from another: a key that an object has twice (the last counts here,
 * the first elsewhere), `__proto__`, or nesting beyond `depth`. Give only text that `JSON.parse` has accepted.
 *
 * @returns a sentence, or `undefined` when every reader agrees.
 */
export function ambiguityIn(text: string, depth: number): string | undefined {
  // A set of keys for each object that is open; for each list, nothing.
  const open: (Set<string> | undefined)[] = [];
  const tokens = /"(?:[^"\\]|\\.)*"|[[\]{}]/g;
  for (let found = tokens.exec(text); found; found = tokens.exec(text)) {
    const [token] = found;
    if (token === '{' || token === '[') {
      open.push(token === '{' ? new Set() : undefined);
      if (open.length > depth) return `it is nested more than ${depth} deep`;
    } else if (token === '}' || token === ']') open.pop();
    else {
      const keys = open.at(-1);
      if (keys === undefined || !isFollowedByColon(text, tokens.lastIndex)) continue;
      const key = JSON.parse(token) as string;
      if (key === '__proto__') return 'it has a key "__proto__"';
      if (keys.has(key)) return `it has the key ${JSON.stringify(key.slice(0, 80))} twice`;
      keys.add(key);
    }
  }
  return undefined;
}

function isFollowedByColon(text: string, from: number): boolean {
  let at = from;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at += 1;
  return text[at] === ':';
}
