import type { Json, JsonObject } from '../../lib/json.ts';
import { nearest } from '../../lib/suggest.ts';
import { configSchema } from './config-schema.ts';
import type { Problem } from './problem.ts';
import { fileProblem, sourceText } from './source-text.ts';
import { parseYaml } from './yaml.ts';

/** Variables by name, as read once at the start. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** One setting and the variable that overrides it. */
export interface Setting {
  readonly variable: string;
  readonly path: readonly string[];
  /** Text settings are taken as they are; the others are read as YAML: `[{id: prom, kind: prometheus}]`. */
  readonly text: boolean;
}

const prefix = 'WATCHKEEPER_';

/** Variables with the prefix that mean something else: the file itself, and what Kubernetes injects for a service. */
const notSettings = /^WATCHKEEPER_(CONFIG$|SERVICE_|PORT$|PORT_)/;

/**
 * Every setting of watchkeeper.yaml with its variable: the path in upper snake case after `WATCHKEEPER_`, so
 * `http.listen` is `WATCHKEEPER_HTTP_LISTEN` and `dataDir` is `WATCHKEEPER_DATA_DIR`. A list is overridden as a whole.
 */
export function settings(): readonly Setting[] {
  known ??= settingsOf(configSchema.jsonSchema(), []);
  return known;
}

// Printing a schema is dear beside the rest of reading a configuration, and this one never changes.
let known: readonly Setting[] | undefined;

function settingsOf(schema: JsonObject, path: readonly string[]): readonly Setting[] {
  const properties = asObject(schema['properties']);
  if (properties && schema['additionalProperties'] === false)
    return Object.entries(properties).flatMap(([key, value]) => settingsOf(asObject(value) ?? {}, [...path, key]));
  const words = path.map((part) => part.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase());
  return [{ variable: `${prefix}${words.join('_')}`, path, text: schema['type'] === 'string' }];
}

/** What the environment overrides, laid over what the file says. */
export interface Overlaid {
  readonly value: Json;
  /** Which setting came from which variable. */
  readonly from: readonly Setting[];
  readonly problems: readonly Problem[];
  readonly notes: readonly string[];
}

/** Lays the `WATCHKEEPER_…` variables over a config as written. Unknown ones are only noted: other tools set some too. */
export function overlay(written: Json, variables: Variables): Overlaid {
  const problems: Problem[] = [];
  const notes: string[] = [];
  const from: Setting[] = [];
  let value = written;
  for (const [name, text] of Object.entries(variables).sort()) {
    if (!name.startsWith(prefix) || text === undefined || notSettings.test(name)) continue;
    const setting = settings().find((each) => each.variable === name);
    if (!setting) {
      const suggestion = nearest(
        name,
        settings().map((each) => each.variable),
      );
      notes.push(`${name} is not a setting${suggestion === undefined ? '' : `; did you mean ${suggestion}?`}`);
      continue;
    }
    const read = setting.text ? text : readYaml(text);
    if (read === undefined) problems.push(fileProblem(`$${name}`, 'the value cannot be read as YAML'));
    else {
      value = withValue(value, setting.path, read);
      from.push(setting);
    }
  }
  return { value, from, problems, notes };
}

function readYaml(text: string): Json | undefined {
  const { documents, problems } = parseYaml(sourceText('environment', text));
  return problems.length === 0 && documents.length === 1 ? documents[0]?.value : undefined;
}

function withValue(holder: Json | undefined, path: readonly string[], value: Json): Json {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const object = asObject(holder);
  // What is no object stays for the schema to refuse.
  if (holder !== undefined && holder !== null && !object) return holder;
  return { ...object, [key]: withValue(object?.[key], rest, value) };
}

function asObject(value: Json | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}
