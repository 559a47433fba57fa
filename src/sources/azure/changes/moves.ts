import type { ChangeKind } from '../../../domain/change.ts';
import { azureResourceName } from '../../../domain/places.ts';
import type { Found } from '../../../io/clients/cloud/change-desk.ts';
import { digest } from '../../../lib/canonical.ts';
import type { Running } from '../look/state.ts';
import type { Look } from '../look/states.ts';
import type { Watched } from '../watched.ts';

/** What was known of each resource when it was last looked at. */
export type Memory = Map<
  string,
  { readonly running?: string; readonly wanted?: number; readonly earlier: readonly string[]; readonly atMs: number }
>;

/** At the first look, what began to serve longer ago than this is history. */
const recentMs = 2 * 3_600_000;
const remembered = 10;

/** Names a place over all subscriptions. */
export function placeKey({ place }: Watched): string {
  return [place.subscription ?? '', place.resourceGroup, azureResourceName(place.resource)].join('/').toLowerCase();
}

/** What serves otherwise than at the look before, and how many are wanted otherwise. */
export function movesOf(source: string, look: Look, memory: Memory, nowMs: number): readonly Found[] {
  return [...look.states].flatMap(([of, { running, wanted }]): readonly Found[] => {
    const key = `${of.service} ${placeKey(of)}`;
    const known = memory.get(key);
    const earlier = known?.earlier ?? [];
    const isNew = running !== undefined && known?.running !== undefined && running.what !== known.running;
    memory.set(key, {
      ...(running === undefined ? {} : { running: running.what }),
      ...(wanted === undefined ? {} : { wanted }),
      earlier: isNew ? [...earlier, known.running ?? ''].slice(-remembered) : earlier,
      atMs: nowMs,
    });
    const base = { source, service: of.service, what: azureResourceName(of.place.resource), region: of.place.region };
    const found: Found[] = [];
    if (running !== undefined) found.push(...moved({ ...base, key }, running, known, nowMs));
    if (wanted !== undefined && known?.wanted !== undefined && known.wanted !== wanted)
      found.push({
        ...base,
        id: digest(['azure-scale', key, known.wanted, wanted, Math.floor(nowMs / 60_000)]),
        ...{ kind: 'scale', atMs: known.atMs, isBounded: true, from: String(known.wanted), to: String(wanted) },
        attributes: { region: of.place.region },
      });
    return found;
  });
}

interface Base {
  readonly source: string;
  readonly service: string;
  readonly what: string;
  readonly region: string;
  readonly key: string;
}

function moved(
  { key, ...base }: Base,
  running: Running,
  known: { readonly running?: string; readonly earlier: readonly string[]; readonly atMs: number } | undefined,
  nowMs: number,
): readonly Found[] {
  const { what, sinceMs, before, by, attributes } = running;
  // Since the look before is all that is known, unless the resource began to serve it after that.
  const saidMs =
    sinceMs !== undefined && sinceMs <= nowMs && sinceMs > (known?.atMs ?? nowMs - recentMs) - 60_000
      ? sinceMs
      : undefined;
  if (known?.running === what) return [];
  if (known?.running === undefined && (saidMs === undefined || before === undefined)) return [];
  const from = known?.running ?? before;
  const when = saidMs === undefined ? { atMs: known?.atMs ?? nowMs, isBounded: true as const } : { atMs: saidMs };
  const stamp = saidMs ?? Math.floor(nowMs / 60_000);
  return [
    {
      ...base,
      id: digest(['azure-running', key, from ?? '', what, stamp]),
      kind: kindOf(running, known),
      ...when,
      ...(from === undefined ? {} : { from }),
      to: what,
      ...(by === undefined ? {} : { actor: by }),
      attributes: { ...attributes, region: base.region },
    },
  ];
}

function kindOf({ what, isBack }: Running, known: { readonly earlier: readonly string[] } | undefined): ChangeKind {
  return isBack === true || known?.earlier.includes(what) === true ? 'rollback' : 'deploy';
}
