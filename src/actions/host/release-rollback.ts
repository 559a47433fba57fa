import * as z from 'zod';

import { digest } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import type { Json } from '../../lib/json.ts';
import { schemaOf } from '../../lib/schema.ts';
import type { ActionContext, ActionResult, Probe } from '../../domain/ports/action.ts';
import type { Observation } from '../../domain/remediation.ts';
import { defineAction } from '../define-action.ts';
import { isHealthy, ownDeadlineMs, waitHealthy } from './health.ts';
import { hostPlace, starterName, starterOf } from './place.ts';
import { linkTo, readReleases, releaseName, releasePlace } from './releases.ts';
import { byPlace, hostParam, type LocalHand } from './remote/by-place.ts';
import { rollbackThere } from './remote/release-rollback.ts';
import { look, lookUntilUp, malformedBefore, restart, type Running } from './running.ts';

const params = z.strictObject({
  /** The release to go back to: its folder's name, or its path in the root. Without it: the one before the current. */
  to: z.string().min(1).max(4_096).exactOptional(),
  /** As in host.service-restart. */
  force: z.boolean().default(false),
  host: hostParam,
});
type Params = z.infer<typeof params>;

const beforeShape = z.strictObject({
  link: z.string(),
  newLink: z.string(),
  from: z.string(),
  to: z.string(),
  identity: z.string(),
});
type Before = z.infer<typeof beforeShape>;

// The link's time and the process's start come from clocks of different grain.
const grainMs = 60;

/** Points the `current` symlink back to an earlier release, restarts the service, and waits until it is well. */
export const releaseRollback = defineAction<Params>({
  kind: 'host.release-rollback',
  summary: 'Point a release symlink back to an earlier release and restart the service',
  // A repeat finds the link pointed and the process younger than the link, and touches nothing.
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  needs: [
    'write to the folder that holds the `current` symlink (link beside, rename over)',
    'what host.service-restart needs',
    'over SSH the same on each host: the folder by its own user, the restart by a line of sudoers',
  ],
  ...byPlace<Params>(here(), rollbackThere),
});

function here(): LocalHand<Params> {
  return {
    target: (_given, service) => {
      starterOf(service);
      return { kind: 'release', id: releasePlace(service).current, service: service.name, labels: service.labels };
    },
    observe: (given, context) => observe(given, context),
    preview: (_given, { target, facts }) => {
      const [from, to] = [text(facts['current']), text(facts['to'])];
      if (to === '') throw new WatchkeeperError('conflict', `there is no release before ${from} to go back to`);
      if (to === from) throw new WatchkeeperError('conflict', `${target.id} already points to ${to}`);
      return {
        describe: `point ${target.id} from ${from} back to ${to}, then restart ${target.service}`,
        diff: [`${target.id}: ${from} → ${to}`, `${text(facts['starter'])}: restarted`],
      };
    },
    before: (_given, { facts }): Json => ({
      link: text(facts['link']),
      newLink: text(facts['newLink']),
      from: text(facts['current']),
      to: text(facts['to']),
      identity: text(facts['identity']),
    }),
    run: async (given, before, _key, context) => {
      const was = parseBefore(before);
      const until = ownDeadlineMs(context);
      const pointed = await point(was.from, was.to, was.newLink, context);
      if (typeof pointed === 'object') return pointed;
      const started = await startAnew(pointed === 'now', was.identity, given.force, context);
      if (started !== undefined) return started;
      const { health } = hostPlace(context.service);
      if (health === undefined) return { is: 'done', message: `${was.to} runs` };
      if (await waitHealthy(health, context, until)) return { is: 'done', message: `${was.to} runs, and it is well` };
      return { is: 'failed', message: `${was.to} was started, but ${health} did not answer 2xx in time` };
    },
    probe: (_given, before, context) => probe(parseBefore(before), context),
    undo: async (given, before, _key, context) => {
      const was = parseBefore(before);
      const pointed = await point(was.to, was.from, was.link, context);
      if (typeof pointed === 'object') return pointed;
      // What ran before may well have been ill: being back is what undo promises, not being healthy.
      const started = await startAnew(pointed === 'now', '', given.force, context);
      return started ?? { is: 'done', message: `${was.from} runs again` };
    },
  };
}

async function observe(given: Params, context: ActionContext): Promise<Observation> {
  const { service, io } = context;
  const place = releasePlace(service);
  const starter = starterOf(service);
  const releases = await readReleases(place, context);
  const wanted = given.to === undefined ? releases.previous : releaseName(place, given.to);
  const to = wanted !== undefined && (releases.others.includes(wanted) || wanted === releases.current) ? wanted : '';
  if (given.to !== undefined && to === '')
    throw new WatchkeeperError('not-found', `there is no release ${given.to} in ${place.root}`);
  const running = await look(starter, context);
  const { health } = hostPlace(service);
  return {
    target: { kind: 'release', id: place.current, service: service.name, labels: service.labels },
    atMs: io.clock.nowMs(),
    facts: {
      revisions: releases.others.length + 1,
      current: releases.current,
      previous: releases.previous ?? '',
      candidates: releases.others,
      to,
      link: releases.link,
      newLink: to === '' ? '' : linkTo(place, releases.link, to),
      linkedAtMs: Math.round(releases.linkedAtMs),
      running: running.up,
      healthy: health === undefined ? running.up : running.up && (await isHealthy(health, context, 2_000)),
      identity: running.identity,
      starter: starterName(starter),
    },
    // Not the process: a release that crash-loops would otherwise change its state every few seconds, and could never
    // be rolled back.
    stateHash: digest([place.current, releases.link, releases.current, to, starterName(starter)]),
    blast: { touched: 1, total: 1, healthyAfter: 0, targets: [place.current, starterName(starter)], dependents: [] },
    ...(running.busy === undefined ? {} : { busy: running.busy }),
  };
}

// Points the link unless it is pointed already; a result means that it could not be done.
async function point(
  from: string,
  to: string,
  link: string,
  context: ActionContext,
): Promise<'now' | 'already' | ActionResult> {
  const place = releasePlace(context.service);
  const { current, others } = await readReleases(place, context);
  if (current === to) return 'already';
  if (current !== from)
    return { is: 'failed', message: `${place.current} points to ${current} by now; somebody else changed it` };
  if (!others.includes(to)) return { is: 'failed', message: `release ${to} is gone` };
  await context.io.files.replaceSymlink(place.current, link, context.signal);
  const after = await readReleases(place, context);
  if (after.current === to) return 'now';
  return { is: 'unknown', message: `${place.current} was pointed to ${to} and leads to ${after.current}` };
}

// Restarts unless what runs is younger than the link; a result means that this did not come off. Right after pointing,
// a process of about the link's age is in doubt and is restarted; on a repeat it is the one that we started.
async function startAnew(
  pointedNow: boolean,
  old: string,
  force: boolean,
  context: ActionContext,
): Promise<ActionResult | undefined> {
  const { linkedAtMs } = await readReleases(releasePlace(context.service), context);
  const starter = starterOf(context.service);
  const now = await lookUntilUp(starter, context);
  if (youngerThan(now, linkedAtMs + (pointedNow ? 2 * grainMs : 0)) && now.identity !== old) return undefined;
  const result = await restart(starter, now.identity, force, context);
  return result.is === 'new' ? undefined : { ...result, message: `the link was pointed; ${result.message}` };
}

function youngerThan(running: Running, linkedAtMs: number): boolean {
  return running.up && running.startedAtMs > linkedAtMs - grainMs;
}

async function probe(was: Before, context: ActionContext): Promise<Probe> {
  const place = releasePlace(context.service);
  const { current, linkedAtMs } = await readReleases(place, context);
  if (current === was.from) return { is: 'not-done', because: `${place.current} still points to ${was.from}` };
  if (current !== was.to)
    return { is: 'unknown', because: `${place.current} points to ${current}: somebody changed it` };
  const now = await lookUntilUp(starterOf(context.service), context);
  if (youngerThan(now, linkedAtMs) && now.identity !== was.identity)
    return { is: 'done', because: `${place.current} points to ${was.to}, and what runs is younger (pid ${now.pid})` };
  return {
    is: 'unknown',
    because: `half done: ${place.current} points to ${was.to}, and the old process was not restarted`,
  };
}

function parseBefore(before: Json): Before {
  const parsed = beforeShape.safeParse(before);
  if (!parsed.success) throw malformedBefore('host.release-rollback');
  return parsed.data;
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}
