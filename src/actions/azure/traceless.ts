import { digest } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import type { JsonObject } from '../../lib/json.ts';
import { schemaOf } from '../../lib/schema.ts';
import type * as z from 'zod';
import { azureResourceName, type AzureResource } from '../../domain/places.ts';
import type { ActionContext, ActionKind, ActionResult } from '../../domain/ports/action.ts';
import type { ActionTraits, BlastRadius, Observation } from '../../domain/remediation.ts';
import { defineAction } from '../define-action.ts';
import { writeFault } from '../faults.ts';
import { createOnce } from '../once.ts';
import { accessOf, placeOf, reachOf, targetOf, type Asking, type Asks, type Reach } from './place.ts';
import { needs } from './swap.ts';

/** What a look saw before something that leaves no trace. */
export interface TracelessLook {
  /** In a word: what it is now, and what is done to it. */
  readonly state: string;
  readonly refused?: string;
  readonly facts: JsonObject;
  readonly blast: BlastRadius;
  readonly busy?: string;
}

/** An act that nobody can see afterwards: a restart, a reimage. */
export interface TracelessSpec<P, K extends AzureResource['is']> {
  readonly kind: string;
  readonly summary: string;
  readonly scope: ActionTraits['scope'];
  readonly destructive?: boolean;
  readonly params: z.ZodType<P>;
  readonly is: K;
  readonly asks: Asks;
  /** What is done, as it is told: `restarted`. */
  readonly done: string;
  look(params: P, reach: Reach<K>): Promise<TracelessLook>;
  /** The only write: one call. */
  write(params: P): readonly [Asks['act'][number], Asking?];
}

/** Makes an action of it. Azure does not say whether it happened, so nothing unclear is ever repeated (I5). */
export function tracelessAction<P extends object, K extends AzureResource['is']>(
  spec: TracelessSpec<P, K>,
): ActionKind {
  const once = createOnce();
  const { kind, summary, is, asks, done } = spec;
  return defineAction<P>({
    ...{ kind, summary, needs },
    traits: { reversible: false, idempotent: false, destructive: spec.destructive === true, scope: spec.scope },
    params: schemaOf(spec.params),
    azureAccess: (service) => accessOf(placeOf(service, is), asks),
    target: (_params, service) => targetOf(placeOf(service, is), service),
    observe: async (params, context): Promise<Observation> => {
      const place = placeOf(context.service, is);
      const target = targetOf(place, context.service);
      const { state, refused, facts, blast, busy } = await spec.look(params, await reachOf(place, asks, context));
      return {
        ...{ target, atMs: context.io.clock.nowMs(), stateHash: digest([target.id, state]), blast },
        facts: { ...facts, state, ...(refused === undefined ? {} : { refused }) },
        ...(busy === undefined ? {} : { busy }),
      };
    },
    preview: (_params, { facts, target }) => {
      if (typeof facts['refused'] === 'string') throw new WatchkeeperError('conflict', facts['refused']);
      const state = typeof facts['state'] === 'string' ? facts['state'] : '';
      return { describe: `${summary.toLowerCase()}: ${target.id}`, diff: [`${target.id}: ${state} → ${done}`] };
    },
    before: () => ({}),
    run: (params, _before, key, context) => once(key, () => run(spec, params, key, context)),
    probe: () => Promise.resolve({ is: 'unknown', because: `Azure does not say whether it was ${done}` }),
  });
}

async function run<P, K extends AzureResource['is']>(
  spec: TracelessSpec<P, K>,
  params: P,
  key: string,
  context: ActionContext,
): Promise<ActionResult> {
  const { is, asks, done } = spec;
  const place = placeOf(context.service, is);
  let reach: Reach<K>;
  try {
    reach = await reachOf(place, asks, context, key);
  } catch (thrown) {
    if (context.signal.aborted) throw thrown;
    return { is: 'failed', message: `nothing was done: ${WatchkeeperError.from(thrown).message}` };
  }
  try {
    await reach.ask(...spec.write(params));
  } catch (thrown) {
    return writeFault(thrown);
  }
  return { is: 'done', message: `Azure has taken it: ${azureResourceName(place.resource)} is ${done}` };
}
