import * as z from 'zod';

import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json, JsonObject } from '../../../lib/json.ts';
import type {
  ActionContext,
  ActionPreview,
  ActionResult,
  ActionSpec,
  HostNeeds,
  Probe,
} from '../../../domain/ports/action.ts';
import type { SshPlace } from '../../../domain/places.ts';
import type { Observation, Target } from '../../../domain/remediation.ts';
import type { Service } from '../../../domain/service.ts';
import { isElsewhere, thereOf } from './there.ts';
import type { There } from './there.ts';

/** A kind of action as it is done on one host over SSH. The methods are those of ActionSpec, with the host made out. */
export interface RemoteHand<P> {
  /** What it needs to be allowed there. */
  needs(written: JsonObject, place: SshPlace): HostNeeds;
  target(params: P, there: There): Target;
  observe(params: P, there: There, context: ActionContext): Promise<Observation>;
  preview(params: P, observed: Observation): ActionPreview;
  before(params: P, observed: Observation): Json;
  run(params: P, before: Json, key: string, there: There, context: ActionContext): Promise<ActionResult>;
  probe(params: P, before: Json, there: There, context: ActionContext, key: string): Promise<Probe>;
  undo?(params: P, before: Json, key: string, there: There, context: ActionContext): Promise<ActionResult>;
}

/** The parameter that names one host of the inventory, for a service that runs on a group. */
export const hostParam = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,252}$/, 'must be a name of the inventory')
  .exactOptional();

interface WithHost {
  readonly host?: string;
}

/** A kind of action as it is done on this machine. */
export type LocalHand<P> = Pick<ActionSpec<P>, 'target' | 'observe' | 'preview' | 'before' | 'run' | 'probe'> & {
  undo?(params: P, before: Json, key: string, context: ActionContext): Promise<ActionResult>;
};

/**
 * One kind in two places: a service on this machine is acted on by `here`, one on hosts over SSH by `there`. What was
 * observed over SSH says so by the fact `host`, which no look at this machine has.
 */
export function byPlace<P extends WithHost>(
  here: LocalHand<P>,
  there: RemoteHand<P>,
): Required<LocalHand<P>> & Pick<Required<ActionSpec<P>>, 'onHosts'> {
  const elsewhere = (params: P, service: Service): There | undefined => {
    if (isElsewhere(service)) {
      const there = thereOf(service, params.host);
      if (there.place.os !== 'windows') return there;
      throw new WatchkeeperError('unsupported', `service ${service.name} runs on Windows: windows.* is for it`);
    }
    if (params.host === undefined) return undefined;
    throw new WatchkeeperError('config-invalid', `service ${service.name} runs on this machine: no host is named`);
  };
  const isThere = (observed: Observation): boolean => typeof observed.facts['host'] === 'string';
  return {
    onHosts: (written, place) => there.needs(written, place),
    target: (params, service) => {
      const at = elsewhere(params, service);
      return at === undefined ? here.target(params, service) : there.target(params, at);
    },
    observe: async (params, context) => {
      const at = elsewhere(params, context.service);
      return at === undefined ? here.observe(params, context) : there.observe(params, at, context);
    },
    preview: (params, observed) => (isThere(observed) ? there : here).preview(params, observed),
    before: (params, observed) => (isThere(observed) ? there : here).before(params, observed),
    run: async (params, before, key, context) => {
      const at = elsewhere(params, context.service);
      if (at === undefined) return here.run(params, before, key, context);
      return there.run(params, before, key, at, context);
    },
    probe: async (params, before, context, key) => {
      const at = elsewhere(params, context.service);
      return at === undefined
        ? here.probe(params, before, context, key)
        : there.probe(params, before, at, context, key);
    },
    undo: async (params, before, key, context) => {
      const at = elsewhere(params, context.service);
      const none = (): Promise<ActionResult> => Promise.resolve({ is: 'failed', message: 'this has no undo' });
      if (at === undefined) return (here.undo ?? none)(params, before, key, context);
      return (there.undo ?? none)(params, before, key, at, context);
    },
  };
}

/** For a kind that is done on hosts over SSH alone. Every method says so. */
export function notHere<P>(kind: string, instead: string): LocalHand<P> {
  const refuse = (): never => {
    throw new WatchkeeperError('unsupported', `${kind} is done on hosts over SSH only, not on the machine we run on`, {
      fix: instead,
    });
  };
  const refused = (): Promise<never> => Promise.resolve().then(refuse);
  return { target: refuse, observe: refused, preview: refuse, before: refuse, run: refused, probe: refused };
}
