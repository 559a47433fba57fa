import type { AwsCall, AwsOperators, AwsSessionWish } from '../../src/domain/ports/aws.ts';
import type { ActionContext } from '../../src/domain/ports/action.ts';
import type { Clock, OperatorIo } from '../../src/domain/ports/io.ts';
import type { AwsResource } from '../../src/domain/places.ts';
import type { Service } from '../../src/domain/service.ts';
import { sdkServices } from '../../src/io/clients/aws/modules.ts';
import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { JsonObject } from '../../src/lib/json.ts';

type Asked = Omit<AwsCall, 'account' | 'region'>;

/** A world of AWS in memory that hands act in: it answers as the reference says, and knows what was minted and asked. */
export interface AwsWorld {
  readonly minted: AwsSessionWish[];
  readonly asked: Asked[];
  readonly writes: () => number;
  readonly contextOf: (resource: AwsResource) => (signal?: AbortSignal, timeoutMs?: number) => ActionContext;
}

/** Makes it. A call that its session's policy does not name is refused, as AWS would. */
export function awsWorld(
  answer: (call: Asked) => JsonObject | Error,
  { documents = [] as readonly string[], passed = (): void => undefined } = {},
): AwsWorld {
  const minted: AwsSessionWish[] = [];
  const asked: Asked[] = [];
  const aws: AwsOperators = {
    session: (wish, signal) => {
      if (signal.aborted) return Promise.reject(new WatchkeeperError('aborted', 'stopped'));
      minted.push(wish);
      const allowed = new Set(wish.allow.flatMap(({ actions }) => [...actions]));
      return Promise.resolve({
        ...{ accountId: '123456789012', documents },
        ask: (call) => {
          const action = `${sdkServices[call.service].iam}:${call.operation}`;
          if (!allowed.has(action))
            return Promise.reject(new WatchkeeperError('forbidden', `no session for ${action}`));
          asked.push(call);
          const said = answer(call);
          return said instanceof Error ? Promise.reject(said) : Promise.resolve(said);
        },
      });
    },
  };
  const io = { aws, clock: quickClock(passed) } as unknown as OperatorIo;
  return {
    ...{ minted, asked },
    writes: () => asked.filter(({ service, operation }) => sdkServices[service].writes.includes(operation)).length,
    contextOf:
      (resource) =>
      (signal = new AbortController().signal, timeoutMs = 600_000) => ({
        ...{ service: serviceOn(resource), io, signal, epoch: 1, timeoutMs },
      }),
  };
}

/** A service that is one resource. */
export function serviceOn(resource: AwsResource): Service {
  return {
    ...{ name: 'web', labels: {}, owner: { team: 'x', escalate: 'default' }, dependsOn: [], slos: [], telemetry: {} },
    ...{ origin: 'declared', runsOn: [{ on: 'aws', aws: { source: 'aws', region: 'eu-west-1', resource } }] },
  };
}

// Sleeps at once, and says to the world that time has passed.
function quickClock(passed: () => void): Clock {
  let nowMs = Date.UTC(2026, 10, 28);
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: (ms: number) => {
      nowMs += ms;
      passed();
      return Promise.resolve();
    },
  } as unknown as Clock;
}
