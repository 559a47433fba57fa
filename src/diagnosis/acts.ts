import type { Change } from '../domain/change.ts';

/** What was changed, each act once. */
export interface Acts {
  /** A sync or a release stands for the changes that it made: it has their details, and they are not beside it. */
  readonly changes: readonly Change[];
  /** The act that a change was part of, by ids; itself when it was part of none. */
  readonly actOf: (changeId: string) => string;
}

/**
 * A sync and the rollout that it made are one act, told twice: as rivals each would take half of the belief from the
 * other. Part of a sync is what its own manager changed of the service while it was at work; what anybody else changed
 * meanwhile stays a change of its own.
 */
export function actsOf(given: readonly Change[]): Acts {
  const { changes, of } = upgradesOf(given);
  const owners = new Map<string, Change>();
  const parts = new Map<string, Change[]>();
  const carriers = changes.filter(({ carried }) => carried !== undefined);
  for (const change of carriers.length === 0 ? [] : changes) {
    const carrier = change.carried === undefined ? carriers.findLast((one) => isPart(change, one)) : undefined;
    if (carrier === undefined) continue;
    owners.set(change.id, carrier);
    parts.set(carrier.id, [...(parts.get(carrier.id) ?? []), change]);
  }
  return {
    changes: changes
      .filter(({ id }) => !owners.has(id))
      .map((change) => whole(change, parts.get(change.id) ?? []))
      .toSorted((a, b) => a.atMs - b.atMs),
    actOf: (id) => owners.get(of.get(id) ?? id)?.id ?? of.get(id) ?? id,
  };
}

const upgradeMs = 10 * 60_000;
const named = 3;

/** Packages that a machine got one after the other are one upgrade, named after its first: as rivals they would crowd out all else. */
function upgradesOf(given: readonly Change[]): {
  readonly changes: readonly Change[];
  readonly of: ReadonlyMap<string, string>;
} {
  const open = new Map<string, Change[]>();
  const upgrades: Change[][] = [];
  const inOrder = given.filter(({ kind }) => kind === 'package').toSorted((a, b) => a.atMs - b.atMs);
  for (const change of inOrder) {
    const running = open.get(change.service);
    if (running !== undefined && change.atMs - (running.at(-1)?.atMs ?? 0) <= upgradeMs) running.push(change);
    else {
      const begun = [change];
      open.set(change.service, begun);
      upgrades.push(begun);
    }
  }
  const several = upgrades.filter((upgrade) => upgrade.length > 1);
  const of = new Map(several.flatMap((upgrade) => upgrade.map(({ id }) => [id, upgrade[0]?.id ?? id] as const)));
  if (several.length === 0) return { changes: given, of };
  return { changes: [...given.filter(({ id }) => !of.has(id)), ...several.flatMap(upgradeOf)], of };
}

function upgradeOf(packages: readonly Change[]): readonly Change[] {
  const [first] = packages;
  if (first === undefined) return [];
  const { from: _from, to: _to, ...rest } = first;
  const names = packages.map(({ what }) => what.replace(/^package:/, ''));
  const more = names.length - named;
  const what = `${names.slice(0, named).join(', ')}${more > 0 ? ` and ${more} more packages` : ''}`;
  return [{ ...rest, what, attributes: { ...first.attributes, packages: names.slice(0, 50).join(' ') } }];
}

function isPart(change: Change, { service, carried }: Change): boolean {
  return (
    carried !== undefined &&
    change.service === service &&
    change.actor === carried.by &&
    change.atMs >= carried.fromMs &&
    change.atMs <= carried.untilMs
  );
}

// People know a rollout by its versions; the sync keeps its id, its commit and who asked for it.
function whole(sync: Change, parts: readonly Change[]): Change {
  const [first] = parts;
  if (first === undefined) return sync;
  const rollout = parts.find(({ kind }) => kind === 'deploy' || kind === 'rollback') ?? first;
  const versions = {
    ...(rollout.from === undefined ? {} : { from: rollout.from }),
    ...(rollout.to === undefined ? {} : { to: rollout.to }),
    ...(rollout.instances === undefined ? {} : { instances: rollout.instances }),
  };
  return {
    ...sync,
    ...versions,
    atMs: Math.min(sync.atMs, ...parts.map(({ atMs }) => atMs)),
    ...(parts.some(({ irreversible }) => irreversible === true) ? { irreversible: true } : {}),
    attributes: { ...sync.attributes, ...rollout.attributes },
  };
}
