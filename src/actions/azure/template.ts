import * as z from 'zod';

import { canonicalJson, digest } from '../../lib/canonical.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import { oneLine } from '../../lib/text.ts';
import type { Reach } from './place.ts';

/** What a revision is made of: containers, scale, volumes; not the app's own configuration. */
export type Template = JsonObject;

const list = z.object({
  value: z
    .array(
      z.object({
        name: z.string(),
        properties: z.object({
          createdTime: z.string().default(''),
          template: z.record(z.string(), z.json()).nullish(),
        }),
      }),
    )
    .default([]),
});

/** Templates of an app's revisions, by name; the newest first. */
export async function readTemplates(reach: Reach<'container-app'>): Promise<ReadonlyMap<string, Template>> {
  const { value } = list.parse(await reach.ask('containerApps.revisions'));
  return new Map(
    [...value]
      .sort((a, b) => (a.properties.createdTime < b.properties.createdTime ? 1 : -1))
      .map(({ name, properties }) => [name, (properties.template ?? {}) as Template]),
  );
}

/**
 * Names a template by its images and a digest of all of it, so that two that do the same have one name: `shop/web:v1#4f1c…`.
 * What Azure works out itself, and what is empty, does not count.
 */
export function templateName(template: Template): string {
  const containers = Array.isArray(template['containers']) ? (template['containers'] as readonly JsonObject[]) : [];
  const images = containers.map(({ image }) => (typeof image === 'string' ? image : '')).join(', ');
  return `${oneLine(images, 200)}#${digest([canonicalJson(essence(template) ?? {})]).slice(0, 12)}`;
}

const workedOut: ReadonlySet<string> = new Set(['revisionSuffix', 'ephemeralStorage']);

function essence(value: Json): Json | undefined {
  if (value === null || value === '') return undefined;
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map((one) => essence(one as Json) ?? {});
  const kept = Object.entries(value as JsonObject).flatMap(([name, one]) => {
    const inner = workedOut.has(name) ? undefined : essence(one ?? null);
    return inner === undefined ? [] : [[name, inner] as const];
  });
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

/**
 * The JSON merge patch (RFC 7396) that makes one template of another: a patch leaves alone what it does not name, so what
 * only the present one has is named as `null`. Lists are replaced whole.
 */
export function templatePatch(now: Template, wanted: Template): JsonObject {
  const patch: Record<string, Json> = {};
  for (const name of new Set([...Object.keys(now), ...Object.keys(wanted)])) {
    if (workedOut.has(name)) continue;
    const [a, b] = [now[name], wanted[name]];
    if (b === undefined || b === null) {
      if (a !== undefined && a !== null) patch[name] = null;
    } else patch[name] = isObject(a) && isObject(b) ? templatePatch(a, b) : b;
  }
  return patch;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
