import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import type { JsonObject } from '../../../lib/json.ts';
import type { Random } from '../../../domain/ports/io.ts';
import type { GcpCall, GcpConnection, GcpProject, GcpReader } from '../../../domain/ports/gcp.ts';
import { createPace } from '../cloud/pace.ts';
import { isOver, stopped } from '../cloud/stopping.ts';
import { createTally } from '../cloud/tally.ts';
import { defaultIdentities, renewing, tokenOf, type CredentialParts, type Identities } from './credentials.ts';
import { faultOf, isExpired, retryAfterOf } from './faults.ts';
import { laneOf } from './lanes.ts';
import { gcpApis, isRead } from './methods.ts';
import { send } from './send.ts';

/** What a reader is made with. */
export interface ReaderParts extends CredentialParts {
  readonly random: Random;
}

/** List price of what Cloud Monitoring returns, in dollars a time series (cloud.google.com/stackdriver/pricing). Other reads are free. */
export const seriesPrice = 0.5 / 1e6;

/** Makes a reader of all projects of a connection. Nothing is imported, read or asked before the first call. */
export function gcpReader(connection: GcpConnection, parts: ReaderParts): GcpReader {
  const { clock, http, random } = parts;
  const pace = createPace(clock);
  const tally = createTally();
  const identityOf = identitiesOf(connection, parts);
  const once = async (call: GcpCall, identities: Identities, signal: AbortSignal): Promise<JsonObject> => {
    await pace.turn(laneOf(call), signal);
    tally.count(`${call.service}:${call.method}`, 0);
    const answer = await send(connection, call, await identities.get(signal), http, signal);
    pace.went(laneOf(call), false);
    tally.add(priceOf(call, answer));
    return answer;
  };
  return {
    ask: async (call, signal) => {
      if (!isRead(call))
        throw new WatchkeeperError('unsupported', `a reader does not call ${call.service} ${call.method}`);
      const project = projectOf(connection, call.project);
      const named = { ...call, project: project.id };
      const identities = identityOf(project, named);
      for (let tries = 1; ; tries++) {
        if (signal.aborted) throw stopped(undefined, signal);
        try {
          return await once(named, identities, signal);
        } catch (thrown) {
          const fault = isOver(signal) ? stopped(thrown, signal) : faultOf(thrown, named);
          if (fault.code === 'rate-limited') pace.went(laneOf(named), true);
          const again = isExpired(thrown) || fault.retryable;
          const waitMs = retryAfterOf(thrown) ?? 200 * 2 ** tries * (0.5 + random.uniform());
          // What Google asks to wait longer for than we have is told as it is, and asked at the next look.
          if (!again || tries >= limits.gcpTries || isOver(signal) || waitMs > limits.cloudPatienceMs) throw fault;
          if (isExpired(thrown)) identities.forget();
          await clock.sleep(waitMs, signal);
        }
      }
    },
    use: () => tally.use(),
    close: () => undefined,
  };
}

function priceOf({ service, method }: GcpCall, answer: JsonObject): number {
  if (service !== 'monitoring' || method !== 'timeSeries.list') return 0;
  const { timeSeries } = answer;
  return (Array.isArray(timeSeries) ? timeSeries.length : 0) * seriesPrice;
}

// One identity for each service in a project that is read as somebody else, with that service's scope to read; else one for all.
function identitiesOf(connection: GcpConnection, parts: ReaderParts): (of: GcpProject, call: GcpCall) => Identities {
  const own = defaultIdentities(parts);
  const held = new Map<string, Identities>();
  return ({ id, serviceAccount }, { service }) => {
    if (serviceAccount === undefined) return own;
    const key = `${id} ${service}`;
    let found = held.get(key);
    if (found === undefined) {
      const wish = { connection, project: id, serviceAccount, scope: gcpApis[service].reads, seconds: 3_600 };
      found = renewing((signal) => tokenOf(own, wish, parts, signal), parts.clock);
      held.set(key, found);
    }
    return found;
  };
}

/** The project that is meant. @throws `config-invalid` when it is not named, and there are several, or there is none so named. */
export function projectOf<P extends GcpProject>(
  { projects, source }: { readonly projects: readonly P[]; readonly source: string },
  id: string | undefined,
): P {
  const found = id === undefined ? projects : projects.filter((one) => one.id === id);
  const [project] = found;
  if (project !== undefined && found.length === 1) return project;
  const ids = projects.map((one) => one.id).join(', ');
  throw new WatchkeeperError(
    'config-invalid',
    id === undefined ? `${source} has several projects: say which (${ids})` : `${source} has no project ${id}`,
    { fix: `Name one of ${ids}.` },
  );
}
