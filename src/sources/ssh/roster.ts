import type { ReaderIo } from '../../domain/ports/io.ts';
import type { Collected, CollectRequest } from '../../domain/ports/source.ts';
import type { SshClient } from '../../domain/ports/ssh.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { readFleet, serviceOf, targetOf } from '../../io/clients/ssh/inventory/fleet.ts';
import type { Fleet } from '../../io/clients/ssh/inventory/fleet.ts';
import { createHostReader } from './look.ts';
import { createLooks } from './looks.ts';
import type { Looked } from './looks.ts';
import { createWindowsReader } from './windows/look.ts';
import type { SshConfig } from './schema.ts';

/** One host that is watched. */
export interface Watched extends Looked {
  /** It was said that the machine can be described now. */
  announced: boolean;
}

/** The hosts of a source, followed as the inventory changes. */
export interface Roster {
  /** Reads the inventory anew. A host that is written otherwise than before begins anew. */
  refresh(signal: AbortSignal): Promise<Fleet>;
  all(): readonly Watched[];
  /** As `LookAt` (looks.ts). */
  look(one: Watched, request: CollectRequest, signal: AbortSignal): Promise<readonly Collected[]>;
  /** Resolves when a host was seen for the first time, and when the signal fires. */
  news(signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Makes the roster of a source. */
export function createRoster(id: string, config: SshConfig, io: ReaderIo, client: SshClient): Roster {
  const ending = new AbortController();
  const watched = new Map<string, Watched>();
  const lookAt = createLooks({
    ...{ source: id, config, clock: io.clock },
    ...{ hosts: () => watched.size, ending: ending.signal },
  });
  let announce = (): void => undefined;

  return {
    async refresh(signal) {
      const fleet = await readFleet(config, io, signal);
      const now = new Map(fleet.hosts.map((host) => [host.name, JSON.stringify(host)]));
      for (const [name, one] of watched) {
        if (now.get(name) === JSON.stringify(one.host)) continue;
        one.reader.close();
        watched.delete(name);
      }
      for (const host of fleet.hosts) {
        if (watched.has(host.name)) continue;
        const parts = { source: id, name: host.name, service: serviceOf(host.name), config, client, clock: io.clock };
        const create = host.os === 'windows' ? createWindowsReader : createHostReader;
        const reader = create({ ...parts, target: targetOf(config, host) });
        watched.set(host.name, { reader, host, under: undefined, announced: false });
      }
      return fleet;
    },
    all: () => [...watched.values()],
    async look(one, request, signal) {
      const found = await lookAt(one, request, signal);
      if (!one.announced && one.reader.described() !== undefined) {
        one.announced = true;
        announce();
      }
      return found;
    },
    news: (signal) =>
      new Promise((resolve) => {
        announce = resolve;
        if (signal.aborted) resolve();
        else signal.addEventListener('abort', () => resolve(), { once: true });
      }),
    close() {
      ending.abort(new WatchkeeperError('aborted', 'the source was closed'));
      for (const { reader } of watched.values()) reader.close();
    },
  };
}
