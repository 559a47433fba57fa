import type { Json } from '../../lib/json.ts';

/** What parameters look like where people write them. */
export const paramsHint = 'as name=value, separated by spaces; empty: as the runbook has them';

/**
 * Parameters of a runbook as somebody wrote them: `timeout=7m replicas=3`. Numbers and truth values are taken as such. What a
 * runbook takes of them is for the daemon to say.
 *
 * @throws Error that says which word is none.
 */
export function paramsOf(written: string): Readonly<Record<string, Json>> {
  const words = written.split(/\s+/).filter((word) => word !== '');
  return Object.fromEntries(
    words.map((word): [string, Json] => {
      const [, name, value] = /^([A-Za-z][A-Za-z0-9_]{0,62})=(.{0,200})$/.exec(word) ?? [];
      if (name === undefined || value === undefined)
        throw new Error(`Write parameters as name=value: ${word.slice(0, 60)}`);
      return [name, valueOf(value)];
    }),
  );
}

function valueOf(text: string): Json {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d{1,15}(\.\d{1,10})?$/.test(text) ? Number(text) : text;
}
