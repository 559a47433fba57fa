import type { ExpositionFormat } from './scan.ts';

/** What an exposition says a metric is. `unknown` is the text format's `untyped` as well. */
export type MetricType =
  'counter' | 'gauge' | 'histogram' | 'gaugehistogram' | 'summary' | 'info' | 'stateset' | 'unknown';

/** A metric family by its own name (in OpenMetrics without `_total`). */
export interface Family {
  type?: MetricType;
  unit?: string;
  help?: true;
}

/**
 * Reads a line that starts with `#` into `families`. In the text format anything but HELP and TYPE is a comment; in
 * OpenMetrics there are no comments.
 *
 * @param sampled names that have had samples already: in OpenMetrics a family's metadata comes first.
 * @returns what is wrong with it; `eof` for OpenMetrics' end; `undefined` when it is fine.
 */
export function readMetadata(
  line: string,
  format: ExpositionFormat,
  families: Map<string, Family>,
  sampled: ReadonlySet<string>,
): string | undefined {
  const strict = format === 'openmetrics';
  if (strict && line === '# EOF') return 'eof';
  const parts = (strict ? strictShape : shape).exec(line);
  if (parts === null) return strict ? 'OpenMetrics has no comments: expected HELP, TYPE, UNIT or EOF' : undefined;
  const [, keyword, written = '', rest = ''] = parts;
  if (keyword === 'UNIT' && !strict) return undefined;
  const name = written.startsWith('"') ? unquote(written) : written;
  const family = families.get(name) ?? {};
  if (families.size >= maxFamilies && !families.has(name)) return `more than ${maxFamilies} metric families`;
  families.set(name, family);
  if (strict && sampled.has(name)) return `metadata of ${name} after its samples`;
  if (keyword === 'HELP') {
    if (family.help === true) return `a second HELP for ${name}`;
    family.help = true;
    return undefined;
  }
  if (keyword === 'UNIT') return setUnit(family, name, rest);
  return setType(family, name, rest, strict);
}

function setUnit(family: Family, name: string, unit: string): string | undefined {
  if (family.unit !== undefined) return `a second UNIT for ${name}`;
  if (unit !== '' && !name.endsWith(`_${unit}`)) return `the unit of ${name} must be the end of its name, not ${unit}`;
  family.unit = unit;
  return undefined;
}

function setType(family: Family, name: string, written: string, strict: boolean): string | undefined {
  if (family.type !== undefined) return `a second TYPE for ${name}`;
  const word = strict ? written : written.trim();
  const type = types.get(word);
  if (type === undefined) return `${name} has no such type: ${word.slice(0, 40)}`;
  family.type = type;
  return undefined;
}

const shape = /^[ \t]*#[ \t]+(HELP|TYPE|UNIT)[ \t]+("(?:[^"\\]|\\.)*"|[^ \t]+)(?:[ \t]+(.*))?$/su;
const strictShape = /^# (HELP|TYPE|UNIT) ("(?:[^"\\]|\\.)*"|[a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/su;
const maxFamilies = 100_000;

const types: ReadonlyMap<string, MetricType> = new Map<string, MetricType>([
  ['counter', 'counter'],
  ['gauge', 'gauge'],
  ['histogram', 'histogram'],
  ['gaugehistogram', 'gaugehistogram'],
  ['summary', 'summary'],
  ['info', 'info'],
  ['stateset', 'stateset'],
  ['unknown', 'unknown'],
  ['untyped', 'unknown'],
]);

function unquote(text: string): string {
  return text.slice(1, -1).replace(/\\(["\\n])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
}
