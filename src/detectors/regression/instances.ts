import { instanceLabels, sideOfChange } from '../../domain/change.ts';
import type { Change } from '../../domain/change.ts';
import type { SeriesMeta } from '../../domain/telemetry.ts';
import type { FoldInput } from '../fold.ts';
import { cleanText } from '../words.ts';
import { isReady } from './normal.ts';
import type { State } from './state.ts';

const versionLabels = ['version', 'release', 'revision'] as const;
const lifeLabels: ReadonlySet<string> = new Set([...instanceLabels, ...versionLabels]);

/**
 * Whether a change touched what this series tells of. A series of the whole service is always touched; one of an instance
 * if the change names it; one of a version if it is the version that came. What was not touched is the control.
 */
export function touches(change: Change, meta: Pick<SeriesMeta, 'labels'>): boolean {
  const version = versionLabels.map((name) => meta.labels[name]).find((value) => value !== undefined);
  // What else changes goes from anything to anything: a size, a digest. Only a release goes to a version.
  const release = change.kind === 'deploy' || change.kind === 'rollback';
  if (release && version !== undefined && change.to !== undefined && !isVersion(version, change.to)) return false;
  return sideOfChange(change, meta.labels) !== 'rest';
}

/** Whether a change of this service can have left no series like this one alone. */
export function touchesAll(change: Change, { labels }: Pick<SeriesMeta, 'labels'>): boolean {
  if (change.instances !== undefined) return false;
  return !versionLabels.some((name) => labels[name] !== undefined);
}

// `shop:v1` and `registry/shop:v1` are the version `v1`.
function isVersion(label: string, to: string): boolean {
  const tag = (name: string): string => name.slice(name.lastIndexOf(':') + 1);
  return label === to || tag(label) === tag(to);
}

/**
 * `; it is so on 2 of 10 (web-1, web-2), and the 8 that the change did not touch are fine`: the control, in words. Empty when
 * the change names no instances, or none was left untouched.
 */
export function controlWords(changeId: string | null, state: State, input: FoldInput<State>): string {
  const change = input.changes.findLast((one) => one.id === changeId);
  const { meta } = input;
  if (change?.instances === undefined || state.trouble === null || sideOfChange(change, meta.labels) !== 'touched')
    return '';
  const kin = [{ meta, state }, ...input.peers().filter((peer) => peer.meta.service === meta.service)];
  const side = (is: 'touched' | 'rest'): typeof kin =>
    kin.filter((one) => sideOfChange(change, one.meta.labels) === is);
  const [touched, rest] = [side('touched'), side('rest')];
  if (rest.length === 0) return '';
  const ill = touched.filter((one) => one.state.trouble !== null);
  const illToo = rest.filter((one) => one.state.trouble !== null).length;
  const names = ill.map((one) => instanceOf(one.meta)).sort();
  const shown = `${names.slice(0, 5).join(', ')}${names.length > 5 ? ' …' : ''}`;
  const others =
    rest.length === 1
      ? `the one that the change did not touch is ${illToo === 0 ? 'fine' : 'so too'}`
      : illToo === 0
        ? `the ${rest.length} that the change did not touch are fine`
        : `so it is on ${illToo} of the ${rest.length} that the change did not touch`;
  return `; it is so on ${ill.length} of ${kin.length} (${shown}), and ${others}`;
}

function instanceOf({ labels }: Pick<SeriesMeta, 'labels'>): string {
  return cleanText(instanceLabels.map((name) => labels[name]).find((value) => value !== undefined) ?? '', 60);
}

/**
 * A series that begins while its siblings run is a new instance or a new version of the same thing: it takes over what a
 * sibling knows of what is usual and of what deploys do, and is judged from its first sample. `false`: there is none.
 */
export function inherit(state: State, input: FoldInput<State>): boolean {
  if (Object.keys(input.meta.labels).every((name) => !lifeLabels.has(name))) return false;
  const sibling = input
    .peers()
    .filter((peer) => isReady(peer.state.normal) && peer.state.trouble === null && isSibling(peer.meta, input.meta))
    .reduce<State | undefined>(
      (best, { state: one }) => (one.normal.n > (best?.normal.n ?? 0) ? one : best),
      undefined,
    );
  if (sibling === undefined) return false;
  const { normal, envelope } = sibling;
  state.offset = sibling.offset;
  state.mean = sibling.mean;
  Object.assign(state.normal, { n: normal.n, clean: 0, slow: normal.slow, seen: normal.seen });
  state.normal.ys.set(normal.ys);
  state.normal.stray.set(normal.stray);
  state.normal.known.set(normal.known);
  Object.assign(state.envelope, { n: envelope.n, next: envelope.next });
  state.envelope.courses.set(envelope.courses);
  state.rises.set(sibling.rises);
  return true;
}

function isSibling(one: SeriesMeta, other: SeriesMeta): boolean {
  if (one.service !== other.service) return false;
  const names = new Set([...Object.keys(one.labels), ...Object.keys(other.labels)]);
  return [...names].every((name) => lifeLabels.has(name) || one.labels[name] === other.labels[name]);
}
