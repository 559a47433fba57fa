import * as z from 'zod';

import { WatchkeeperError } from '../lib/errors.ts';
import type { Json, JsonObject } from '../lib/json.ts';
import type { Endpoint } from './endpoint.ts';
import { problemType, zProblem } from './problem.ts';
import { rolesWith } from './roles.ts';

/** The version of the API: of the paths and of what they answer, not of the daemon. */
const apiVersion = '1.0.0';

const problems: Readonly<Record<string, string>> = {
  400: 'The request is not as described here.',
  401: 'No credentials, or wrong ones.',
  403: 'Known, and not allowed.',
  429: 'Too many requests; Retry-After says when.',
  default: 'Anything else.',
};

/**
 * Prints a table of endpoints as an OpenAPI 3.1 document. Schemas with a name stand once, under `components/schemas`.
 *
 * @throws `internal` when two schemas have one name.
 */
export function openApi(table: readonly Endpoint[]): JsonObject {
  const components: Record<string, Json> = {};
  const paths: Record<string, Record<string, Json>> = {};
  const print = (type: z.ZodType): JsonObject => printed(type, components);
  for (const one of table) (paths[one.path] ??= {})[one.method] = operation(one, print);
  const problem = print(zProblem);
  const responses = Object.fromEntries(
    Object.entries(problems).map(([status, description]) => [
      `Problem${status}`,
      { description, content: { [problemType]: { schema: problem } } },
    ]),
  );
  return {
    openapi: '3.1.1',
    info: {
      title: 'Watchkeeper',
      version: apiVersion,
      description: 'The API of the watch. GET never changes anything. How to use it: docs/api.md.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(table.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1))),
      responses,
      securitySchemes,
    },
  };
}

const securitySchemes = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description:
      "A token of http.tokens, or the one in the data folder; an access token of the OpenID Connect provider; or a cluster's.",
  },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: 'watchkeeper',
    description:
      'The session of the page (with https, __Host-watchkeeper). A POST also needs our own Origin and X-CSRF-Token.',
  },
};

function operation(one: Endpoint, print: (type: z.ZodType) => JsonObject): JsonObject {
  const parameters = [...parametersOf(one.params, 'path', print), ...parametersOf(one.query, 'query', print)];
  const open = one.needs === 'nothing';
  return {
    operationId: one.id,
    tags: [one.tag],
    summary: one.summary,
    description: [one.description, open ? undefined : `For ${rolesWith(one.needs).join(', ')}.`]
      .filter((text) => text !== undefined)
      .join(' '),
    ...(one.needs === 'nothing' ? {} : { 'x-permission': one.needs }),
    security: open ? [] : Object.keys(securitySchemes).map((scheme) => ({ [scheme]: [] })),
    ...(parameters.length > 0 && { parameters }),
    ...(one.body && { requestBody: { required: true, content: { 'application/json': { schema: print(one.body) } } } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(one.answers).map(([status, { description, schema, type = 'application/json' }]) => [
          status,
          { description, content: { [type]: { schema: print(schema) } } },
        ]),
      ),
      ...problemResponses(one, open),
    },
  };
}

function problemResponses(one: Endpoint, open: boolean): JsonObject {
  const statuses = Object.keys(problems).filter((status) => !(open && (status === '401' || status === '403')));
  return Object.fromEntries(
    statuses
      .filter((status) => !Object.hasOwn(one.answers, status))
      .map((status) => [status, { $ref: `#/components/responses/Problem${status}` }]),
  );
}

function parametersOf(type: z.ZodType | undefined, where: 'path' | 'query', print: (type: z.ZodType) => JsonObject) {
  if (type === undefined) return [];
  const { properties, required } = print(type) as {
    readonly properties: Readonly<Record<string, JsonObject>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]): JsonObject => {
    const told = typeof description === 'string' ? { description } : {};
    const must = where === 'path' || (required?.includes(name) === true && schema['default'] === undefined);
    // What stands for an absent parameter is text until it is parsed.
    const number = schema['type'] === 'integer' && schema['default'] !== undefined;
    return {
      name,
      in: where,
      required: must,
      ...told,
      schema: number ? { ...schema, default: Number(schema['default']) } : schema,
    };
  });
}

// zod hands out named schemas under $defs of each; here they are put together.
function printed(type: z.ZodType, components: Record<string, Json>): JsonObject {
  const { $schema: _, $defs, ...schema } = z.toJSONSchema(type, { io: 'input', unrepresentable: 'any' });
  for (const [id, each] of Object.entries($defs ?? {})) {
    const { id: __, ...definition } = moved(each as Json) as JsonObject;
    const before = components[id];
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(definition))
      throw new WatchkeeperError('internal', `two schemas of the API are called ${id}`);
    components[id] = definition;
  }
  return moved(schema as Json) as JsonObject;
}

function moved(value: Json): Json {
  if (Array.isArray(value)) return value.map(moved);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      key === '$ref' && typeof each === 'string'
        ? each.replace('#/$defs/', '#/components/schemas/')
        : moved(each ?? null),
    ]),
  );
}
