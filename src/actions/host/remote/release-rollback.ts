import * as z from 'zod';

import { digest } from '../../../lib/canonical.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json } from '../../../lib/json.ts';
import type { ActionContext, ActionResult, Probe } from '../../../domain/ports/action.ts';
import type { Observation } from '../../../domain/remediation.ts';
import { checkedPath } from '../place.ts';
import { inOrder, linkTo, releaseName, type ReleasePlace } from '../releases.ts';
import { malformedBefore } from '../running.ts';
import type { RemoteHand } from './by-place.ts';
import { textFact, type Facts } from './facts.ts';
import { observeUnit } from './observe-unit.ts';
import { lookReleasesScript, pointScript } from './release-scripts.ts';
import { lookUntilUp, restartCommand, restartNeeds } from './service-restart.ts';
import { targetThere } from './there.ts';
import type { There } from './there.ts';
import { actThere, lookThere, whyNotDone } from './trip.ts';
import { unitOf, unitThere } from './unit.ts';

const beforeShape = z.strictObject({
  host: z.string(),
  link: z.string(),
  newLink: z.string(),
  from: z.string(),
  to: z.string(),
  identity: z.string(),
});
type Before = z.infer<typeof beforeShape>;
interface Params {
  readonly to?: string;
}

/** `host.release-rollback` over SSH. The link is pointed by the hand's own user; only the restart is done as root. */
export const rollbackThere: RemoteHand<Params> = {
  needs: (written, place) => ({
    ...restartNeeds(written, place),
    ...(place.releases === undefined ? {} : { writes: [folderOf(place.releases.current)] }),
  }),
  target: (_params, there) => {
    unitThere(there);
    return targetThere(there, 'release', releasesThere(there).current);
  },
  observe: (params, there, context) => observe(params, there, context),
  preview: (_params, { target, facts }) => {
    const [host, from, to] = [textFact(facts['host']), textFact(facts['current']), textFact(facts['to'])];
    if (to === '')
      throw new WatchkeeperError('conflict', `there is no release before ${from} on ${host} to go back to`);
    if (to === from) throw new WatchkeeperError('conflict', `${target.id} already points to ${to}`);
    return {
      describe: `point ${target.id} from ${from} back to ${to}, then restart ${target.service} on ${host}`,
      diff: [`${target.id}: ${from} → ${to}`, `${host}/${textFact(facts['starter'])}: restarted`],
    };
  },
  before: (_params, { facts }): Json => ({
    host: textFact(facts['host']),
    link: textFact(facts['link']),
    newLink: textFact(facts['newLink']),
    from: textFact(facts['current']),
    to: textFact(facts['to']),
    identity: textFact(facts['identity']),
  }),
  run: (_params, before, key, there, context) => {
    const { from, to, newLink, identity } = parseBefore(before, there);
    return point({ from, to, link: newLink, old: identity, key }, there, context);
  },
  probe: (_params, before, there, context) => probe(parseBefore(before, there), there, context),
  undo: (_params, before, key, there, context) => {
    const { from, to, link } = parseBefore(before, there);
    return point({ from: to, to: from, link, old: '', key }, there, context);
  },
};

function releasesThere({ place, service }: There): ReleasePlace {
  if (place.releases === undefined)
    throw new WatchkeeperError('config-invalid', `service ${service.name} has no release folders on its hosts`, {
      fix: 'Add ssh.releases {root, current} to its runsOn.',
    });
  return { root: checkedPath(place.releases.root), current: checkedPath(place.releases.current) };
}

async function observe(params: Params, there: There, context: ActionContext): Promise<Observation> {
  const place = releasesThere(there);
  const unit = unitThere(there);
  const [{ now, observation }, facts] = await Promise.all([
    observeUnit(there, unit, restartCommand(unit), context),
    lookThere(there, { script: lookReleasesScript, args: [place.root, place.current] }, context),
  ]);
  const { link, current, ordered } = releasesOf(facts, place, there);
  if (facts.text('writable') !== 'yes') throw notWritable(there, place, context);
  const others = ordered.filter((name) => name !== current);
  const at = ordered.indexOf(current);
  const wanted = params.to === undefined ? ordered[at - 1] : releaseName(place, params.to);
  const to = wanted !== undefined && (others.includes(wanted) || wanted === current) ? wanted : '';
  if (params.to !== undefined && to === '')
    throw new WatchkeeperError('not-found', `there is no release ${params.to} in ${place.root} on ${there.host}`);
  return {
    ...observation,
    target: targetThere(there, 'release', place.current),
    facts: {
      ...observation.facts,
      revisions: others.length + 1,
      current,
      previous: at > 0 ? (ordered[at - 1] ?? '') : '',
      candidates: others,
      to,
      link,
      newLink: to === '' ? '' : linkTo(place, link, to),
      linkedAtMs: facts.count('linkedAt') * 1_000,
      starter: unit,
      identity: now.identity,
    },
    // Not the process: a release that crash-loops would otherwise change its state every few seconds.
    stateHash: digest([there.host, place.current, link, current, to, unit]),
  };
}

interface Releases {
  readonly link: string;
  readonly current: string;
  readonly ordered: readonly string[];
}

function releasesOf(facts: Facts, { root, current }: ReleasePlace, { host }: There): Releases {
  const link = facts.text('link');
  if (link === '') throw new WatchkeeperError('conflict', `${current} on ${host} is not a symlink`);
  const [realRoot, real] = [facts.text('root'), facts.text('real')];
  const name = real.startsWith(`${realRoot}/`) ? real.slice(realRoot.length + 1) : '';
  if (name === '' || name.includes('/'))
    throw new WatchkeeperError('conflict', `${current} on ${host} leads to ${real}, which is not a release in ${root}`);
  const folders = facts.all('release').flatMap((line) => {
    const [, seconds = '', found = ''] = /^(\d{1,12}) ([A-Za-z0-9_][A-Za-z0-9_.+@:-]{0,254})$/.exec(line) ?? [];
    return found === '' ? [] : [{ name: found, mtimeMs: Number(seconds) * 1_000 }];
  });
  return { link, current: name, ordered: inOrder(folders) };
}

interface Pointing {
  readonly from: string;
  readonly to: string;
  readonly link: string;
  /** The run of the unit that is to end; empty when only its age says whether it is. */
  readonly old: string;
  readonly key: string;
}

async function point(
  { from, to, link, old, key }: Pointing,
  there: There,
  context: ActionContext,
): Promise<ActionResult> {
  const place = releasesThere(there);
  const unit = unitThere(there);
  const beside = `${place.current}.watchkeeper-${digest(key).slice(-12)}`;
  const args = [place.root, place.current, from, to, link, beside, unit, old];
  const acted = await actThere(there, { script: pointScript, args }, context);
  if (acted.is !== 'ended') return acted;
  const { facts } = acted;
  const pointed = facts.text('point');
  if (pointed === 'other')
    return {
      is: 'failed',
      message: `${place.current} points to ${facts.text('real')} by now; somebody else changed it`,
    };
  if (pointed === 'gone') return { is: 'failed', message: `release ${to} is gone from ${there.host}` };
  if (pointed === 'refused') return { is: 'failed', message: notWritable(there, place, context).message };
  if (pointed !== 'now' && pointed !== 'already')
    return { is: 'unknown', message: `${place.current} on ${there.host} was pointed to ${to} and leads elsewhere` };
  const why = whyNotDone(facts, there, context, restartCommand(unit));
  const now = unitOf(facts, unit, there.host);
  if (why === undefined && now.up) return { is: 'done', message: `${to} runs on ${there.host} (pid ${now.pid})` };
  if (why !== undefined) return { is: 'failed', message: `the link was pointed; ${why}` };
  const later = await lookUntilUp(there, old, context);
  return later.up
    ? { is: 'done', message: `${to} runs on ${there.host} (pid ${later.pid})` }
    : { is: 'failed', message: `the link was pointed to ${to}, and ${unit} on ${there.host} is ${later.active}` };
}

async function probe(was: Before, there: There, context: ActionContext): Promise<Probe> {
  const place = releasesThere(there);
  const look = { script: lookReleasesScript, args: [place.root, place.current] };
  const facts = await lookThere(there, look, context);
  const { current } = releasesOf(facts, place, there);
  if (current === was.from) return { is: 'not-done', because: `${place.current} still points to ${was.from}` };
  if (current !== was.to)
    return { is: 'unknown', because: `${place.current} points to ${current}: somebody changed it` };
  const now = await lookUntilUp(there, was.identity, context);
  // The link's time has whole seconds.
  if (now.up && now.identity !== was.identity && now.startedAtMs / 1_000 >= facts.count('linkedAt') - 1)
    return { is: 'done', because: `${place.current} points to ${was.to}, and what runs is younger (pid ${now.pid})` };
  return {
    is: 'unknown',
    because: `half done: ${place.current} points to ${was.to}, and the old process was not restarted`,
  };
}

function notWritable(there: There, { current }: ReleasePlace, context: ActionContext): WatchkeeperError {
  const { user } = context.io.ssh.operator(there.source);
  const folder = folderOf(current);
  return new WatchkeeperError('forbidden', `${user} may not write to ${folder} on ${there.host}`, {
    fix: `Let it: setfacl -m u:${user}:rwx ${folder}`,
    retryable: false,
  });
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

function parseBefore(before: Json, there: There): Before {
  const parsed = beforeShape.safeParse(before);
  if (!parsed.success || parsed.data.host !== there.host) throw malformedBefore('host.release-rollback');
  return parsed.data;
}
