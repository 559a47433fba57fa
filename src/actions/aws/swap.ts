import * as z from 'zod';

import { digest } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import { awsResourceName, type AwsResource } from '../../domain/places.ts';
import type {
  ActionContext,
  ActionKind,
  ActionResult,
  ActionSpec,
  AwsAccess,
  Probe,
} from '../../domain/ports/action.ts';
import type { AwsSession } from '../../domain/ports/aws.ts';
import type { ActionTraits, BlastRadius, Observation } from '../../domain/remediation.ts';
import type { Schema } from '../../domain/ports/schema.ts';
import { defineAction } from '../define-action.ts';
import { writeFault } from '../faults.ts';
import { actSession, lookSession, placeOf, targetOf, type PlaceOf } from './place.ts';

/** A setting of a resource as it is now: its value, and what a write has to carry so that it holds for this state. */
export interface Setting {
  readonly value: string;
  readonly token?: string;
}

/** What a look at a resource saw, and what the act would make of it. */
export interface SwapLook {
  readonly now: Setting;
  /** The value to come, or why there is none. */
  readonly to: string | { readonly refused: string };
  readonly facts: JsonObject;
  readonly blast: BlastRadius;
  readonly busy?: string;
  /** Lines of before → after, beside that of the setting itself. */
  readonly diff?: readonly string[];
}

/** Where and with what credentials something is done. */
export interface Reach<K extends AwsResource['is']> {
  readonly place: PlaceOf<K>;
  readonly session: AwsSession;
  readonly context: ActionContext;
}

/** An action that takes one setting of one resource from one value to another. */
export interface SwapSpec<P, K extends AwsResource['is']> {
  readonly kind: string;
  readonly summary: string;
  readonly traits: ActionTraits;
  readonly params: Schema<P>;
  readonly is: K;
  /** What is swapped, in words: `the task definition`. */
  readonly setting: string;
  access(place: PlaceOf<K>): AwsAccess;
  look(params: P, reach: Reach<K>): Promise<SwapLook>;
  /** Reads the setting alone. */
  read(reach: Reach<K>): Promise<Setting>;
  /** The only write: one call. */
  write(reach: Reach<K>, to: string, now: Setting): Promise<void>;
  /** Waits for what the write sets going. A failure here leaves the write in place, for undo. */
  readonly finish?: ((reach: Reach<K>, to: string) => Promise<ActionResult>) | undefined;
  /** Whether a value that was asked for is reached. Default: it is that very value. */
  reached?(now: string, from: string, to: string): boolean;
}

const beforeShape = z.strictObject({ from: z.string(), to: z.string() });
type Before = z.infer<typeof beforeShape>;

/**
 * Makes an action of it. The write happens only while the setting is what the plan saw, so the same key twice has one
 * effect, and what somebody else set meanwhile is not overwritten.
 */
export function swapAction<P extends object, K extends AwsResource['is']>(spec: SwapSpec<P, K>): ActionKind {
  const { traits } = spec;
  const base = {
    kind: spec.kind,
    summary: spec.summary,
    params: spec.params,
    needs: ['in AWS, the calls that "watchkeeper permissions aws" prints for it'],
    awsAccess: (service: Parameters<typeof placeOf>[0]) => spec.access(placeOf(service, spec.is)),
    target: (_params: P, service: Parameters<typeof placeOf>[0]) => targetOf(placeOf(service, spec.is), service),
    observe: (params: P, context: ActionContext) => observe(spec, params, context),
    preview: (_params: P, { facts, target }: Observation) => {
      if (typeof facts['refused'] === 'string') throw new WatchkeeperError('conflict', facts['refused']);
      const [from, to] = [text(facts['now']), text(facts['to'])];
      return {
        describe: `${spec.summary.toLowerCase()}: ${spec.setting} of ${target.id} from ${from} to ${to}`,
        diff: [`${target.id} ${spec.setting}: ${from} → ${to}`, ...(facts['diff'] as readonly string[])],
      };
    },
    before: (_params: P, { facts }: Observation): Json => ({ from: text(facts['now']), to: text(facts['to']) }),
    run: (_params: P, before: Json, key: string, context: ActionContext) =>
      bring(spec, parseBefore(spec.kind, before), key, context),
    probe: (_params: P, before: Json, context: ActionContext) => probe(spec, parseBefore(spec.kind, before), context),
  };
  const { reversible } = traits;
  const whole: ActionSpec<P> = reversible
    ? {
        ...base,
        traits: { ...traits, reversible },
        undo: (_params, before, key, context) => {
          const { from, to } = parseBefore(spec.kind, before);
          // What ran before may well have been ill: being back is what undo promises, not being healthy.
          return bring({ ...spec, finish: undefined }, { from: to, to: from }, key, context);
        },
      }
    : { ...base, traits: { ...traits, reversible } };
  return defineAction<P>(whole);
}

async function observe<P, K extends AwsResource['is']>(
  spec: SwapSpec<P, K>,
  params: P,
  context: ActionContext,
): Promise<Observation> {
  const place = placeOf(context.service, spec.is);
  const session = await lookSession(place, spec.access(place), context);
  const { now, to, facts, blast, busy, diff = [] } = await spec.look(params, { place, session, context });
  const target = targetOf(place, context.service);
  const is = typeof to === 'string' ? to : '';
  const same = typeof to === 'string' && to === now.value && spec.reached === undefined;
  const refused = typeof to === 'string' ? (same ? `${target.id} is so already` : undefined) : to.refused;
  return {
    target,
    atMs: context.io.clock.nowMs(),
    facts: { ...facts, now: now.value, to: is, diff: [...diff], ...(refused === undefined ? {} : { refused }) },
    stateHash: digest([target.id, now.value, is]),
    blast,
    ...(busy === undefined ? {} : { busy }),
  };
}

async function bring<P, K extends AwsResource['is']>(
  spec: SwapSpec<P, K>,
  { from, to }: Before,
  key: string,
  context: ActionContext,
): Promise<ActionResult> {
  const place = placeOf(context.service, spec.is);
  const name = awsResourceName(place.resource);
  let reach: Reach<K>;
  let now: Setting;
  try {
    reach = { place, context, session: await actSession(place, spec.access(place), key, context) };
    now = await spec.read(reach);
  } catch (thrown) {
    if (context.signal.aborted) throw thrown;
    const { message } = WatchkeeperError.from(thrown);
    return { is: 'failed', message: `nothing was done: ${message}` };
  }
  if (!isReached(spec, now.value, { from, to })) {
    if (now.value !== from)
      return { is: 'failed', message: `${spec.setting} of ${name} is ${now.value} by now; somebody else changed it` };
    try {
      await spec.write(reach, to, now);
    } catch (thrown) {
      return writeFault(thrown);
    }
  }
  if (spec.finish === undefined) return { is: 'done', message: `${spec.setting} of ${name} is ${to}` };
  try {
    return await spec.finish(reach, to);
  } catch (thrown) {
    const { message } = WatchkeeperError.from(thrown);
    return {
      is: 'unknown',
      message: `${spec.setting} of ${name} was set to ${to}; how that went is not known: ${message}`,
    };
  }
}

async function probe<P, K extends AwsResource['is']>(
  spec: SwapSpec<P, K>,
  { from, to }: Before,
  context: ActionContext,
): Promise<Probe> {
  const place = placeOf(context.service, spec.is);
  const session = await lookSession(place, spec.access(place), context);
  const { value } = await spec.read({ place, session, context });
  const because = `${spec.setting} of ${awsResourceName(place.resource)} is ${value}`;
  if (isReached(spec, value, { from, to })) return { is: 'done', because };
  return value === from ? { is: 'not-done', because } : { is: 'unknown', because: `${because}: somebody changed it` };
}

function isReached<P, K extends AwsResource['is']>(spec: SwapSpec<P, K>, now: string, { from, to }: Before): boolean {
  return spec.reached?.(now, from, to) ?? now === to;
}

function parseBefore(kind: string, before: Json): Before {
  const parsed = beforeShape.safeParse(before);
  if (parsed.success) return parsed.data;
  throw new WatchkeeperError('malformed', `${kind}: what was recorded before the act cannot be read`);
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}
