import { readFileSync } from 'node:fs';

/** One method as Google publishes it: its route, and the messages that go in and out. */
export interface Definition {
  readonly verb: string;
  readonly path: string;
  readonly request: string;
  readonly response: string;
  /** `*`: the body is the request; a name: the body is that field of it. */
  readonly body?: string;
}

interface Definitions {
  readonly methods: Readonly<Record<string, Definition>>;
  readonly messages: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly enums: Readonly<Record<string, readonly string[]>>;
}

/** What the published protos and discovery documents say of the calls that are made. */
export const definitions = JSON.parse(
  readFileSync(new URL('fixtures/definitions.json', import.meta.url), 'utf8'),
) as Definitions;

/** A request as one message: from path, query and body. */
export type Message = Readonly<Record<string, unknown>>;

/** What a request means; `undefined` where no published method has such a route. */
export function routed(
  verb: string,
  url: URL,
  body: unknown,
): { readonly method: string; readonly message: Message; readonly wrong: readonly string[] } | undefined {
  for (const [method, one] of Object.entries(definitions.methods)) {
    const match = one.verb === verb ? patternOf(one.path).exec(url.pathname) : null;
    if (match === null) continue;
    const message: Record<string, unknown> = {};
    if (one.body === '*') Object.assign(message, body);
    else if (one.body !== undefined) message[camel(one.body)] = body ?? {};
    else if (body !== undefined) return { method, message, wrong: ['it takes no body'] };
    for (const [name, value] of Object.entries(match.groups ?? {}))
      put(message, one.request, name.split('__').map(camel), [decodeURIComponent(value)]);
    const query = new Map<string, string[]>();
    for (const [name, value] of url.searchParams) query.set(name, [...(query.get(name) ?? []), value]);
    const wrong: string[] = [];
    for (const [name, values] of query)
      if (!put(message, one.request, name.split('.'), values)) wrong.push(`${name} is no parameter`);
    return { method, message, wrong: [...wrong, ...faults(one.request, message, 'request')] };
  }
  return undefined;
}

/** What an answer has that the published message has not. */
export function wrongIn(method: string, answer: unknown): readonly string[] {
  return faults(definitions.methods[method]?.response ?? '?', answer, 'answer');
}

const patterns = new Map<string, RegExp>();

function patternOf(path: string): RegExp {
  const known = patterns.get(path);
  if (known !== undefined) return known;
  const source = path.replace(/\{([\w.]+)(?:=([^}]*))?\}|([.*+?^${}()|[\]\\])/g, (_all, name: string, glob, mark) => {
    if (typeof mark === 'string') return `\\${mark}`;
    const inner = typeof glob === 'string' ? glob.replaceAll('**', '.+').replaceAll(/\*/g, '[^/]+') : '[^/:]+';
    return `(?<${name.replaceAll('.', '__')}>${inner})`;
  });
  const made = new RegExp(`^${source}$`);
  patterns.set(path, made);
  return made;
}

function camel(name: string): string {
  return name.replace(/_(\w)/g, (_all, letter: string) => letter.toUpperCase());
}

// Query and path carry text: it becomes what its field is.
function put(into: Record<string, unknown>, type: string, path: readonly string[], values: readonly string[]): boolean {
  const [name = '', ...rest] = path;
  const field = definitions.messages[type]?.[name];
  if (field === undefined) return false;
  if (rest.length > 0) {
    const inner = (into[name] ?? {}) as Record<string, unknown>;
    into[name] = inner;
    return put(inner, field, rest, values);
  }
  const one = (text: string): unknown => {
    if (/^(u?int32|double|float)/.test(field)) return Number(text);
    return field.startsWith('bool') ? text === 'true' : text;
  };
  into[name] = field.endsWith('[]') ? values.map(one) : one(values[0] ?? '');
  return true;
}

const isText = (value: unknown): boolean => typeof value === 'string';
const isNumber = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);
const isWhole = (value: unknown): boolean => /^-?\d{1,20}$/.test(String(value));
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

// The JSON that proto3 prescribes (protobuf.dev/programming-guides/json).
const plain: Readonly<Record<string, (value: unknown) => boolean>> = {
  ...{ string: isText, bytes: isText, bool: (value) => typeof value === 'boolean' },
  ...{ double: isNumber, float: isNumber, int32: isWhole, uint32: isWhole, int64: isWhole, uint64: isWhole },
  fixed64: isWhole,
  'google.protobuf.Timestamp': (value) =>
    isText(value) && /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(String(value)),
  'google.protobuf.Duration': (value) => isText(value) && /^-?\d+(\.\d+)?s$/.test(String(value)),
  'google.protobuf.FieldMask': (value) => isText(value) && /^[\w.]+(,[\w.]+)*$/.test(String(value)),
  'google.protobuf.Any': (value) => isObject(value) && isText((value as Message)['@type']),
  'google.protobuf.Struct': isObject,
  'google.protobuf.Value': () => true,
  'google.protobuf.Empty': (value) => isObject(value) && Object.keys(value as object).length === 0,
  ...{ 'google.protobuf.BoolValue': (value) => typeof value === 'boolean', 'google.protobuf.Int64Value': isWhole },
  ...{ 'google.protobuf.Int32Value': isWhole, 'google.protobuf.DoubleValue': isNumber },
  'google.protobuf.StringValue': isText,
};

function faults(type: string, value: unknown, where: string): readonly string[] {
  if (type.endsWith('[]')) {
    if (!Array.isArray(value)) return [`${where} must be a list`];
    return value.flatMap((one, index) => faults(type.slice(0, -2), one, `${where}[${index}]`));
  }
  const inner = /^map<(.+)>$/.exec(type)?.[1];
  if (inner !== undefined) {
    if (!isObject(value)) return [`${where} must be a map`];
    return Object.entries(value as object).flatMap(([key, one]) => faults(inner, one, `${where}.${key}`));
  }
  const scalar = plain[type];
  if (scalar !== undefined) return scalar(value) ? [] : [`${where} is no ${type}: ${JSON.stringify(value)}`];
  const names = definitions.enums[type];
  if (names !== undefined) return names.includes(String(value)) ? [] : [`${where} is no ${type}: ${String(value)}`];
  const fields = definitions.messages[type];
  if (fields === undefined) return [`${where} is of ${type}, which is not known`];
  if (!isObject(value)) return [`${where} must be a ${type}`];
  return Object.entries(value as object).flatMap(([name, one]) => {
    const field = fields[name];
    return field === undefined ? [`${where}.${name} is not in ${type}`] : faults(field, one, `${where}.${name}`);
  });
}
