import * as z from 'zod';

import type { ChangeKind } from '../../../domain/change.ts';
import { gcpResourceName } from '../../../domain/places.ts';
import type { GcpReader } from '../../../domain/ports/gcp.ts';
import type { Found } from '../../../io/clients/cloud/change-desk.ts';
import { digest } from '../../../lib/canonical.ts';
import { oneLine } from '../../../lib/text.ts';
import type { GroupState } from '../look/groups.ts';
import { shortName, type Look, type RunState } from '../look/run.ts';
import { placeKey, type Watched } from '../watched.ts';

/** What was known of a resource when it was last looked at. */
export type Memory = Map<string, Remembered>;

interface Remembered {
  readonly running: string;
  readonly created: string;
  readonly size: number;
  /** The key of the act that changed it last, where that was ours. */
  readonly act: string;
  /** When it was looked at. */
  readonly atMs: number;
}

/** At the first look, a change that is older than this is history. */
const recentMs = 2 * 3_600_000;

/** What tells a write of ours from all others: Cloud Run keeps the client of the last change, and its version. */
export const ourClient = 'watchkeeper';

interface Revision {
  readonly name: string;
  readonly createdMs: number;
}

/**
 * A rollout of Cloud Run is other revisions that serve, or a new one that does not come up. The service itself says when it
 * was last changed and by whom. What served before is that of the last look, or, at the first one, the revision before.
 */
export async function runChanges(
  source: string,
  look: Look<RunState>,
  memory: Memory,
  reader: GcpReader,
  nowMs: number,
  signal: AbortSignal,
): Promise<readonly Found[]> {
  const all = await Promise.all(
    [...look.states].map(async ([of, state]): Promise<readonly Found[]> => {
      const key = `${of.service} ${placeKey(of)}`;
      const known = memory.get(key);
      const act = state.client === ourClient ? state.clientVersion : '';
      memory.set(key, { running: state.serving, created: state.created, size: 0, act, atMs: nowMs });
      const isServing = known?.running !== state.serving;
      const isStuck = state.isFailing && state.created !== state.ready && known?.created !== state.created;
      if (!isServing && !isStuck) return [];
      if (known === undefined && state.updatedMs < nowMs - recentMs) return [];
      const revisions = await revisionsOf(of, reader, signal);
      const to = isStuck && (!isServing || known === undefined) ? state.created : state.serving;
      const from = known?.running ?? beforeOf(to, revisions);
      if (from === to) return [];
      // A client that does not say who it is leaves the last one's name standing: an act is told once.
      const isOurs = act !== '' && act !== known?.act;
      return [
        {
          ...{ source, service: of.service, region: of.place.location, what: gcpResourceName(of.place.resource) },
          id: digest(['gcp-run', key, to, state.updatedMs]),
          kind: kindOf(from, to, revisions),
          atMs: Math.min(state.updatedMs === 0 ? nowMs : state.updatedMs, nowMs),
          ...(from === undefined ? {} : { from }),
          to,
          ...whoOf(isOurs ? act : undefined, state.modifier),
          attributes: { location: of.place.location, project: of.project, client: oneLine(state.client, 60) },
        },
      ];
    }),
  );
  return all.flat();
}

function whoOf(act: string | undefined, modifier: string): Pick<Found, 'actor' | 'ref'> {
  if (act !== undefined) return { actor: 'watchkeeper', ref: act };
  return modifier === '' ? {} : { actor: oneLine(modifier, 200) };
}

const revisionsAnswer = z.object({
  revisions: z.array(z.object({ name: z.string(), createTime: z.string().default('') })).default([]),
});

// The newest first. Where they cannot be read the change is told without what they would say.
async function revisionsOf(
  { place, project }: Watched,
  reader: GcpReader,
  signal: AbortSignal,
): Promise<readonly Revision[]> {
  if (place.resource.is !== 'run') return [];
  const parent = `projects/${project}/locations/${place.location}/services/${place.resource.service}`;
  const call = { service: 'run', method: 'revisions.list', params: { parent, pageSize: 100 }, project } as const;
  const answer = await reader.ask(call, signal).catch(() => ({}));
  const parsed = revisionsAnswer.safeParse(answer);
  return (parsed.data?.revisions ?? [])
    .map(({ name, createTime }) => ({ name: shortName(name), createdMs: Date.parse(createTime) || 0 }))
    .sort((a, b) => b.createdMs - a.createdMs);
}

function beforeOf(name: string, revisions: readonly Revision[]): string | undefined {
  const at = revisions.findIndex((one) => one.name === name);
  return at < 0 ? undefined : revisions[at + 1]?.name;
}

function kindOf(from: string | undefined, to: string, revisions: readonly Revision[]): ChangeKind {
  const made = (text: string | undefined): number | undefined => revisions.find(({ name }) => name === text)?.createdMs;
  const [before, after] = [made(from), made(to)];
  return before !== undefined && after !== undefined && after < before ? 'rollback' : 'deploy';
}

/** Another template of a group, or another size. It does not say when: since the look before. */
export function groupChanges(source: string, look: Look<GroupState>, memory: Memory, nowMs: number): readonly Found[] {
  return [...look.states].flatMap(([of, { template, size }]): readonly Found[] => {
    const key = `${of.service} ${placeKey(of)}`;
    const known = memory.get(key);
    memory.set(key, { running: template, created: '', size, act: '', atMs: nowMs });
    if (known === undefined) return [];
    const base = {
      ...{ source, service: of.service, region: of.place.location, what: gcpResourceName(of.place.resource) },
      ...{ atMs: known.atMs, isBounded: true as const },
      attributes: { location: of.place.location, project: of.project },
    };
    const id = (what: string): string =>
      digest([what, key, known.running, template, known.size, size, Math.floor(nowMs / 60_000)]);
    const deploy: readonly Found[] =
      known.running === template
        ? []
        : [{ ...base, id: id('gcp-group'), kind: 'deploy', from: known.running, to: template }];
    const scale: readonly Found[] =
      known.size === size
        ? []
        : [{ ...base, id: id('gcp-group-size'), kind: 'scale', from: String(known.size), to: String(size) }];
    return [...deploy, ...scale];
  });
}
