import * as z from 'zod';

import type { Principal } from '../../domain/authority.ts';
import type { Change } from '../../domain/change.ts';
import { digest } from '../../lib/canonical.ts';
import type { Parsed } from '../../lib/issues.ts';
import type { Json } from '../../lib/json.ts';
import { schemaOf } from '../../lib/schema.ts';
import { oneLine } from '../../lib/text.ts';

/**
 * # announce: changes that a pipeline tells of
 *
 * Reads the body of `POST /api/v1/changes`, so that any CI/CD can announce a deploy in one curl. It does no I/O and keeps
 * nothing: the API hands it bodies, with the principal that sent them.
 */

const word = (max: number) => z.string().min(1).max(max);

/** What a pipeline writes. `{"service": "checkout", "version": "v42"}` is enough. */
export const announcedChange = schemaOf(
  z.strictObject({
    service: word(200),
    version: word(200),
    kind: z
      .enum(['deploy', 'rollback', 'config', 'scale', 'flag', 'package', 'restart', 'infrastructure'])
      .default('deploy'),
    previous: word(200).exactOptional(),
    /** RFC 3339 with an offset. Absent: now. */
    at: z.iso.datetime({ offset: true, error: 'must be a time such as 2026-01-31T12:00:00Z' }).exactOptional(),
    actor: word(200).exactOptional(),
    ref: word(500).exactOptional(),
    irreversible: z.boolean().exactOptional(),
    instances: z.array(word(200)).max(1_000).exactOptional(),
    /** The sender's own id of the announcement, for safe retries of one that has neither `at` nor `ref`. */
    id: word(200).exactOptional(),
  }),
);

// A sender's clock may run ahead by this much; beyond it, expectations would be held against the wrong minutes.
const aheadMs = 120_000;
const behindMs = 30 * 86_400_000;
const retryWithinMs = 300_000;

/**
 * Reads an announcement. The same one sent again has the same id: by its `id`, else its `at`, else its `ref`, else by the five
 * minutes it came in. A time more than two minutes ahead or thirty days behind is refused.
 */
export function parseAnnouncedChange(input: Json, nowMs: number, principal: Principal): Parsed<Change> {
  const parsed = announcedChange.parse(input);
  if (!parsed.ok) return parsed;
  const { service, kind, version, previous, at, actor, ref, irreversible, instances, id } = parsed.value;
  const atMs = at === undefined ? nowMs : Date.parse(at);
  const clock = (message: string): Parsed<Change> => ({ ok: false, issues: [{ path: ['at'], message }] });
  if (atMs > nowMs + aheadMs) return clock('lies in the future: check the clock of the machine that announces');
  if (atMs < nowMs - behindMs) return clock('lies more than 30 days in the past');
  const occasion = id ?? at ?? ref ?? String(Math.floor(nowMs / retryWithinMs));
  return {
    ok: true,
    value: {
      id: `announced-${digest({ service, kind, version, previous, occasion }).slice(0, 32)}`,
      kind,
      service,
      atMs: Math.min(atMs, nowMs),
      what: kind === 'deploy' || kind === 'rollback' ? 'version' : kind,
      ...(previous === undefined ? {} : { from: oneLine(previous, 200) }),
      to: oneLine(version, 200),
      actor: actor === undefined ? principal.id : oneLine(actor, 200),
      ...(ref === undefined ? {} : { ref: oneLine(ref, 500) }),
      source: 'announce',
      ...(instances === undefined ? {} : { instances: instances.map((name) => oneLine(name, 200)) }),
      ...(irreversible === undefined ? {} : { irreversible }),
      attributes: { announcedBy: principal.id },
    },
  };
}
