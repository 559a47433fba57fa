import * as z from 'zod';

import { digest } from '../lib/canonical.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import type { Json, JsonObject } from '../lib/json.ts';
import type { ActionContext, ActionKind, ActionResult, ActionSpec, Probe } from '../domain/ports/action.ts';
import type { ActionTraits, BlastRadius, Observation, Target } from '../domain/remediation.ts';
import type { Schema } from '../domain/ports/schema.ts';
import type { Service } from '../domain/service.ts';
import { defineAction } from './define-action.ts';
import { writeFault } from './faults.ts';

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

/** An action that takes one setting of one resource from one value to another, over `R`: where and with what credentials. */
export interface Swap<P, R> {
  readonly kind: string;
  readonly summary: string;
  readonly traits: ActionTraits;
  readonly params: Schema<P>;
  readonly needs: readonly string[];
  /** What the kind tells of its rights, as its platform has them. */
  readonly rights?: Pick<ActionSpec<P>, 'access' | 'awsAccess' | 'azureAccess' | 'gcpAccess'>;
  /** What is swapped, in words: `the task definition`. */
  readonly setting: string;
  /** @throws `config-invalid` when the service has no such place. */
  target(service: Service): Target;
  /** The resource in a word. */
  nameOf(service: Service): string;
  /** To look alone, or with the key of an act to act. */
  reach(context: ActionContext, key?: string): Promise<R>;
  look(params: P, reach: R): Promise<SwapLook>;
  /** Reads the setting alone; of what the plan took it from and to, where it needs to know. */
  read(reach: R, before: Before): Promise<Setting>;
  /** The only write: one call. The key is the act's own. */
  write(reach: R, to: string, now: Setting, key: string, params: P): Promise<void>;
  /** Waits for what the write sets going. A failure here leaves the write in place, for undo. */
  readonly finish?: ((reach: R, to: string, from: string) => Promise<ActionResult>) | undefined;
  /** Whether a value that was asked for is reached. Default: it is that very value. */
  reached?(now: string, from: string, to: string): boolean;
  /** Whether a value that was reached is over as well, for a probe: until then it does not know. Default: it is. */
  settled?(now: string): boolean;
}

const beforeShape = z.strictObject({ from: z.string(), to: z.string() });
/** What the plan saw, and what it would make of it. */
export type Before = z.infer<typeof beforeShape>;

/**
 * Makes an action of it. The write happens only while the setting is what the plan saw, so the same key twice has one
 * effect, and what somebody else set meanwhile is not overwritten.
 */
export function swap<P extends object, R>(spec: Swap<P, R>): ActionKind {
  const { traits } = spec;
  const base = {
    ...{ kind: spec.kind, summary: spec.summary, params: spec.params, needs: spec.needs },
    ...(spec.rights ?? {}),
    target: (_params: P, service: Service) => spec.target(service),
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
    run: (params: P, before: Json, key: string, context: ActionContext) =>
      bring(spec, params, parseBefore(spec.kind, before), key, context),
    probe: (_params: P, before: Json, context: ActionContext) => probe(spec, parseBefore(spec.kind, before), context),
  };
  const { reversible } = traits;
  const whole: ActionSpec<P> = reversible
    ? {
        ...base,
        traits: { ...traits, reversible },
        undo: (params, before, key, context) => {
          const { from, to } = parseBefore(spec.kind, before);
          // What ran before may well have been ill: being back is what undo promises, not being healthy.
          return bring({ ...spec, finish: undefined }, params, { from: to, to: from }, key, context);
        },
      }
    : { ...base, traits: { ...traits, reversible } };
  return defineAction<P>(whole);
}

async function observe<P, R>(spec: Swap<P, R>, params: P, context: ActionContext): Promise<Observation> {
  const target = spec.target(context.service);
  const { now, to, facts, blast, busy, diff = [] } = await spec.look(params, await spec.reach(context));
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

async function bring<P, R>(
  spec: Swap<P, R>,
  params: P,
  { from, to }: Before,
  key: string,
  context: ActionContext,
): Promise<ActionResult> {
  const name = spec.nameOf(context.service);
  let reach: R;
  let now: Setting;
  try {
    reach = await spec.reach(context, key);
    now = await spec.read(reach, { from, to });
  } catch (thrown) {
    if (context.signal.aborted) throw thrown;
    const { message } = WatchkeeperError.from(thrown);
    return { is: 'failed', message: `nothing was done: ${message}` };
  }
  if (!isReached(spec, now.value, { from, to })) {
    if (now.value !== from)
      return { is: 'failed', message: `${spec.setting} of ${name} is ${now.value} by now; somebody else changed it` };
    try {
      await spec.write(reach, to, now, key, params);
    } catch (thrown) {
      return writeFault(thrown);
    }
  }
  if (spec.finish === undefined) return { is: 'done', message: `${spec.setting} of ${name} is ${to}` };
  try {
    return await spec.finish(reach, to, from);
  } catch (thrown) {
    const { message } = WatchkeeperError.from(thrown);
    return {
      is: 'unknown',
      message: `${spec.setting} of ${name} was set to ${to}; how that went is not known: ${message}`,
    };
  }
}

async function probe<P, R>(spec: Swap<P, R>, { from, to }: Before, context: ActionContext): Promise<Probe> {
  const { value } = await spec.read(await spec.reach(context), { from, to });
  const because = `${spec.setting} of ${spec.nameOf(context.service)} is ${value}`;
  if (isReached(spec, value, { from, to }))
    return spec.settled?.(value) === false
      ? { is: 'unknown', because: `${because}: it is under way` }
      : { is: 'done', because };
  return value === from ? { is: 'not-done', because } : { is: 'unknown', because: `${because}: somebody changed it` };
}

function isReached<P, R>(spec: Swap<P, R>, now: string, { from, to }: Before): boolean {
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
