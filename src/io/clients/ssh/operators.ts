import { WatchkeeperError } from '../../../lib/errors.ts';
import type { SshClient, SshOperator, SshOperators } from '../../../domain/ports/ssh.ts';
import { sshClients } from './index.ts';
import type { InventoryConfig, LoginConfig } from './inventory/config.ts';
import { isIn, readFleet, targetOf } from './inventory/fleet.ts';
import type { Fleet, FleetIo } from './inventory/fleet.ts';
import type { PoolIo } from './pool.ts';

/** Where hands may log in, and as whom: an inventory's hosts are those of the `ssh` source of that id. */
export interface SshHands {
  readonly source: string;
  readonly login: LoginConfig;
  readonly inventory: InventoryConfig;
}

/** What hands reach hosts through, and learn by which hosts there are. */
export type HandsIo = PoolIo & FleetIo;

/** A plan looks at many hosts at once: the inventory's files are read once for all of that. */
const freshMs = 2_000;

/** Hosts for actions: only those with a login of the hands' own. No connection is shared with a reader. */
export function sshOperators(io: HandsIo, hands: readonly SshHands[]): SshOperators {
  const client = sshClients(io).client();
  const open = new Map<string, SshOperator>();
  return {
    operator(source) {
      const known = open.get(source);
      if (known !== undefined) return known;
      const found = hands.find((one) => one.source === source);
      if (found === undefined)
        throw new WatchkeeperError('forbidden', `hands have no login for the hosts of ${source}`, {
          fix: 'Add the source to operators.ssh in watchkeeper.yaml; reading hosts gives no right to act on them.',
        });
      const made = operatorOf(found, client, io);
      open.set(source, made);
      return made;
    },
    close: () => client.close(),
  };
}

function operatorOf(hands: SshHands, client: SshClient, io: HandsIo): SshOperator {
  let last: { readonly atMs: number; readonly fleet: Promise<Fleet> } | undefined;
  const fleet = (signal: AbortSignal): Promise<Fleet> => {
    const nowMs = io.clock.monotonicMs();
    if (last === undefined || nowMs - last.atMs > freshMs) {
      last = { atMs: nowMs, fleet: readFleet(hands.inventory, io, signal) };
      // What one reader was stopped at is no answer for the next.
      last.fleet.catch(() => (last = undefined));
    }
    return last.fleet;
  };
  const run: SshOperator['look'] = async (name, command) => {
    const { hosts } = await fleet(command.signal);
    const host = hosts.find((one) => one.name === name);
    if (host === undefined) throw unknownHost(hands.source, name);
    return client.run(targetOf(hands.inventory, host, hands.login), command);
  };
  return {
    user: hands.login.user,
    async hosts(place, signal) {
      const { hosts, problems } = await fleet(signal);
      const found = hosts.filter((host) => isIn(host, place)).sort((a, b) => (a.name < b.name ? -1 : 1));
      if (found.length > 0)
        return found.map(({ name, groups, os }) => ({ name, groups, ...(os === undefined ? {} : { os }) }));
      const wanted = place.host ?? `of the group ${place.group ?? ''}`;
      throw unknownHost(hands.source, wanted, problems);
    },
    look: run,
    act: run,
  };
}

function unknownHost(source: string, name: string, problems: readonly string[] = []): WatchkeeperError {
  const why = problems.length === 0 ? '' : ` (${problems.join('; ').slice(0, 300)})`;
  return new WatchkeeperError('not-found', `the inventory of ${source} has no host ${name}${why}`, {
    fix: 'Correct the host or group in runsOn, or add it to the inventory.',
  });
}
