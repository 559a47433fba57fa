import * as z from 'zod';

import { digest } from '../../../lib/canonical.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json, JsonObject } from '../../../lib/json.ts';
import { limits } from '../../../lib/limits.ts';
import type {
  ActionContext,
  ActionKind,
  ActionPreview,
  ActionResult,
  HostNeeds,
  Probe,
} from '../../../domain/ports/action.ts';
import type { SshPlace } from '../../../domain/places.ts';
import type { ActionTraits, BlastRadius, Observation } from '../../../domain/remediation.ts';
import { schemaOf } from '../../../lib/schema.ts';
import { defineAction } from '../../define-action.ts';
import { ownDeadlineMs } from '../health.ts';
import { malformedBefore } from '../running.ts';
import { hostParam } from '../remote/by-place.ts';
import { targetThere, thereOf } from '../remote/there.ts';
import type { There } from '../remote/there.ts';
import { actOnWindows, lookAtWindows } from './trip.ts';
import type { WindowsAsked, WindowsActed, WindowsFacts } from './trip.ts';

/** What tells one kind of action on Windows hosts from another; all else they have in common (`windowsKind`). */
export interface WindowsSpec<P> {
  readonly kind: string;
  readonly summary: string;
  readonly traits: ActionTraits & { readonly reversible: false };
  readonly params: z.ZodObject;
  readonly needs: readonly string[];
  /** The same as rights on the hosts of a place. `written` are the parameters as a runbook has them, templates and all. */
  rights(written: JsonObject, place: SshPlace): HostNeeds;
  /** What is looked at. @throws `config-invalid` for a service that has no such thing. */
  asked(params: P, there: There): WindowsAsked;
  /** What sort of thing it is, and what it is called on its host. */
  target(params: P, there: There): { readonly kind: string; readonly id: string };
  /** Refuses a state from which it cannot be done. @throws `conflict`. */
  check?(params: P, facts: WindowsFacts): void;
  preview(params: P, facts: JsonObject, id: string): ActionPreview;
  /** Whether what is there now is what the act was for, given the identity before. */
  isDone(now: WindowsFacts, identity: string): boolean;
  /** What is told of an act that was done. */
  done(acted: WindowsActed, now: WindowsFacts): string;
  /**
   * How long after the act a host may still look as before it: a script that was sent before the connection was cut may only
   * then begin. What is unchanged until then was not acted on. Milliseconds.
   */
  readonly settleMs: number;
}

const beforeShape = z.strictObject({ host: z.string(), identity: z.string() });

interface WithHost {
  readonly host?: string;
}

/** The needs of a kind for which Windows knows no lesser right than that of an administrator. */
export function onlyAdministrators(why: string): HostNeeds {
  return { commands: [], windows: [{ is: 'administrator', why }] };
}

/** How long PowerShell may take to begin on a busy host, and the service control manager to show it. Milliseconds. */
export const beginsWithinMs = 10_000;

/** How much of its time a probe may wait for that: a look before and one after it need the rest. */
export const settleShare = 0.4;

/** The parameter that names the host, for every kind. */
export const onHost = { host: hostParam };

/** Makes a kind that acts on one Windows host: look, act only on what was looked at, and look until it is as it should be. */
export function windowsKind<P extends WithHost>(spec: WindowsSpec<P>): ActionKind {
  const there = (params: P, context: Pick<ActionContext, 'service'>): There => thereOf(context.service, params.host);
  return defineAction<P>({
    kind: spec.kind,
    summary: spec.summary,
    traits: spec.traits,
    needs: spec.needs,
    onHosts: (written, place) => spec.rights(written, place),
    params: schemaOf(spec.params as unknown as z.ZodType<P>),
    target: (params, service) => {
      const at = thereOf(service, params.host);
      const { kind, id } = spec.target(params, at);
      return targetThere(at, kind, id);
    },
    observe: (params, context) => observe(spec, params, there(params, context), context),
    preview: (params, { facts, target }) => spec.preview(params, facts, target.id),
    before: (_params, { facts }): Json => ({ host: facts['host'] ?? '', identity: facts['identity'] ?? '' }),
    run: async (params, before, _key, context) => {
      const at = there(params, context);
      const identity = identityIn(spec.kind, before, at);
      return run(spec, params, identity, at, context);
    },
    probe: async (params, before, context): Promise<Probe> => {
      const at = there(params, context);
      const identity = identityIn(spec.kind, before, at);
      const now = await settled(spec, params, identity, at, context);
      if (spec.isDone(now, identity)) return { is: 'done', because: `${at.host} is as it should be after it` };
      if (now.identity === identity && !isInBetween(now)) return { is: 'not-done', because: `${at.host} is as it was` };
      return { is: 'unknown', because: `${at.host} is neither as it was nor as it should be` };
    },
  });
}

async function observe<P extends WithHost>(
  spec: WindowsSpec<P>,
  params: P,
  at: There,
  context: ActionContext,
): Promise<Observation> {
  await refuseLinux(at, context);
  const [facts, hosts] = await Promise.all([
    lookAtWindows(at, spec.asked(params, at), context),
    context.io.ssh.operator(at.source).hosts(placeOf(at), context.signal),
  ]);
  spec.check?.(params, facts);
  const { kind, id } = spec.target(params, at);
  return {
    target: targetThere(at, kind, id),
    atMs: context.io.clock.nowMs(),
    facts: { host: at.host, running: facts.up, ...plainFacts(facts) },
    stateHash: digest([at.host, spec.kind, id, facts.identity]),
    blast: blastOf(at, hosts.length),
  };
}

/** What is touched: this host of its group. How well the others are is refined by the agent, from what it watches. */
export function blastOf({ host }: There, total: number): BlastRadius {
  return { touched: 1, total, healthyAfter: total - 1, names: [`host:${host}`], targets: [host], dependents: [] };
}

/** The hosts of the place, to count them. */
export function placeOf({ place, host }: There): { readonly host?: string; readonly group?: string } {
  return place.group === undefined ? { host } : { group: place.group };
}

/** @throws `unsupported` for a host that is not said to be Windows, `not-found` for one that is not in the place. */
export async function refuseLinux(at: There, context: ActionContext): Promise<void> {
  const hosts = await context.io.ssh.operator(at.source).hosts(placeOf(at), context.signal);
  const found = hosts.find(({ name }) => name === at.host);
  if (found === undefined)
    throw new WatchkeeperError('not-found', `${at.host} is not in the group ${at.place.group ?? ''} of ${at.source}`);
  if (found.os !== 'windows')
    throw new WatchkeeperError('unsupported', `${at.host} is no Windows host`, {
      fix: 'Use the kinds host.* there, or write `os: windows` in the inventory.',
    });
}

// Only what policies and people can use: names, numbers, words.
function plainFacts(facts: WindowsFacts): JsonObject {
  return Object.fromEntries(
    Object.entries(facts).flatMap(([key, value]) =>
      value === undefined || value === null || key === 'up' ? [] : [[key, value]],
    ),
  );
}

async function run<P extends WithHost>(
  spec: WindowsSpec<P>,
  params: P,
  identity: string,
  at: There,
  context: ActionContext,
): Promise<ActionResult> {
  const acted = await actOnWindows(at, { ...spec.asked(params, at), identity }, context);
  if (acted.is === 'failed' || acted.is === 'unknown') return { is: acted.is, message: acted.message };
  const waits = acted.is === 'begun' && !spec.isDone(acted.facts ?? nothing, identity);
  const now = waits || acted.facts === undefined ? await lookUntil(spec, params, identity, at, context) : acted.facts;
  if (spec.isDone(now, identity)) return { is: 'done', message: spec.done(acted, now), data: { ...acted.freed } };
  if (acted.is === 'gone') return { is: 'failed', message: `${at.host}: ${acted.message}; nothing was done` };
  return { is: 'unknown', message: `${at.host}: it was begun, and is not as it should be in time` };
}

const nothing: WindowsFacts = { identity: '', up: false };

/** Looks until it is done or the time is over. */
async function lookUntil<P extends WithHost>(
  spec: WindowsSpec<P>,
  params: P,
  identity: string,
  at: There,
  context: ActionContext,
): Promise<WindowsFacts> {
  const { clock } = context.io;
  const until = ownDeadlineMs(context);
  for (;;) {
    const now = await lookAtWindows(at, spec.asked(params, at), context).catch((thrown: unknown) => {
      // A host that starts again answers nobody for a while.
      if (WatchkeeperError.from(thrown).code !== 'unreachable' || clock.monotonicMs() >= until) throw thrown;
      return undefined;
    });
    if (now !== undefined && (spec.isDone(now, identity) || clock.monotonicMs() >= until)) return now;
    if (context.signal.aborted) throw new WatchkeeperError('aborted', `stopped while ${at.host} was looked at`);
    await clock.sleep(limits.healthPollMs, context.signal).catch(() => undefined);
  }
}

/** What is there once it is at rest: one that is unchanged after a while was not acted on; one in between is waited for. */
async function settled<P extends WithHost>(
  spec: WindowsSpec<P>,
  params: P,
  identity: string,
  at: There,
  context: ActionContext,
): Promise<WindowsFacts> {
  const look = (): Promise<WindowsFacts> => lookAtWindows(at, spec.asked(params, at), context);
  const now = await look();
  if (spec.isDone(now, identity)) return now;
  if (now.identity !== identity) return lookUntil(spec, params, identity, at, context);
  await context.io.clock.sleep(Math.min(spec.settleMs, context.timeoutMs * settleShare), context.signal);
  const later = await look();
  return later.identity === identity && !isInBetween(later) ? later : lookUntil(spec, params, identity, at, context);
}

/** Whether a service is on its way to another state: what it will be cannot be told yet. */
export function isInBetween({ state }: WindowsFacts): boolean {
  return typeof state === 'string' && state.endsWith('Pending');
}

/** What was recorded before, of this very host. */
export function identityIn(kind: string, before: Json, { host }: There): string {
  const parsed = beforeShape.safeParse(before);
  if (!parsed.success || parsed.data.host !== host) throw malformedBefore(kind);
  return parsed.data.identity;
}
