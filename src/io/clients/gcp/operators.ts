import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';
import type { GcpConnection, GcpOperators, GcpProject, GcpSession, GcpSessionWish } from '../../../domain/ports/gcp.ts';
import { defaultIdentities, renewing, tokenOf, type CredentialParts, type Identities } from './credentials.ts';
import { faultOf } from './faults.ts';
import { gcpApis, isRead } from './methods.ts';
import { projectOf } from './reader.ts';
import { send } from './send.ts';

/** A project to act in: its service account is what tokens are made of. */
export type ActingProject = GcpProject & { readonly serviceAccount: string };

/** Where hands have service accounts: `operators.gcp` in watchkeeper.yaml. */
export interface ActingProjects extends GcpConnection {
  readonly projects: readonly ActingProject[];
}

// One request; Google's own default is an hour.
const writeSeconds = 300;
const readSeconds = 900;

/** Hands over the configured connections. Nothing is imported or asked before the first call. */
export function gcpOperators(connections: readonly ActingProjects[], parts: CredentialParts): GcpOperators {
  const own = defaultIdentities(parts);
  return {
    session: (wish) => {
      const connection = connections.find(({ source }) => source === wish.source);
      if (connection === undefined)
        throw new WatchkeeperError('forbidden', `there is no operator for ${wish.source}: it is only read`, {
          fix: `Name a service account to act with in operators.gcp for the source ${wish.source}.`,
        });
      return sessionOf(connection, projectOf(connection, wish.project), wish, own, parts);
    },
  };
}

function sessionOf(
  connection: ActingProjects,
  { id: project, serviceAccount }: ActingProject,
  { allow, act }: GcpSessionWish,
  own: Identities,
  parts: CredentialParts,
): GcpSession {
  const looks = new Map<string, Identities>();
  const wish = { connection, project, serviceAccount };
  return {
    project,
    ask: async (call, signal) => {
      const whole = { ...call, project };
      const name = `${call.service} ${call.method}`;
      if (!allow.includes(name)) throw new WatchkeeperError('forbidden', `this act is not for ${name}`);
      const reads = isRead(call);
      const { reads: readScope, writes: writeScope } = gcpApis[call.service];
      const look =
        looks.get(readScope) ??
        renewing((stop) => tokenOf(own, { ...wish, scope: readScope, seconds: readSeconds }, parts, stop), parts.clock);
      looks.set(readScope, look);
      const deadline = parts.clock.deadline(limits.gcpTimeoutMs, signal);
      try {
        const token = reads
          ? await look.get(deadline.signal)
          : (await tokenOf(own, { ...wish, scope: writeScope, seconds: writeSeconds }, parts, deadline.signal))
              .identity;
        // Audit logs keep it with the request, so that they tell which act it was.
        const reason = act === undefined || reads ? {} : { 'x-goog-request-reason': `watchkeeper-${plainKey(act)}` };
        const identity = { ...token, ...reason };
        return await send(connection, whole, identity, parts.http, deadline.signal);
      } catch (thrown) {
        const fault = faultOf(thrown, whole);
        // A write that was answered with what is no answer may have happened: only a clear refusal is one (I5).
        if (reads || fault.code !== 'malformed') throw fault;
        throw new WatchkeeperError('unreachable', fault.message, { cause: thrown });
      } finally {
        deadline.cancel();
      }
    },
  };
}

// A header's value, and short enough for a log.
function plainKey(key: string): string {
  return key.replace(/[^\w.-]/g, '-').slice(0, 100);
}
