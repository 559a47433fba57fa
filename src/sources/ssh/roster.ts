import type { ReaderIo } from '../../domain/ports/io.ts';
import type { Collected, CollectRequest } from '../../domain/ports/source.ts';
import type { SshClient } from '../../domain/ports/ssh.ts';
import { empty, span } from '../../io/clients/linux/collect.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { readFleet, serviceOf, targetOf } from '../../io/clients/ssh/inventory/fleet.ts';
import type { Fleet } from '../../io/clients/ssh/inventory/fleet.ts';
import type { InventoryHost } from '../../io/clients/ssh/inventory/hosts.ts';
import { createHostReader } from './look.ts';
import type { HostReader } from './told.ts';
import { createWindowsReader } from './windows/look.ts';
import { partFor } from './places.ts';
import type { SshConfig } from './schema.ts';

/** How long one collect waits for a host; one that takes longer is told with the next, and delays no other. */
const patienceMs = 5_000;
/** Hosts are begun this far apart at most, so that a thousand handshakes are not one burst. */
const spacingMs = 10;

/** One host that is watched. */
export interface Watched {
  readonly reader: HostReader;
  readonly host: InventoryHost;
  /** The look that is under way, or whose result nobody has taken yet. */
  under: Promise<Collected> | undefined;
  /** It was said that the machine can be described now. */
  announced: boolean;
}

/** The hosts of a source, followed as the inventory changes. */
export interface Roster {
  /** Reads the inventory anew. A host that is written otherwise than before begins anew. */
  refresh(signal: AbortSignal): Promise<Fleet>;
  all(): readonly Watched[];
  /** What one host says, or a gap `timeout` when it takes long; then its answer is given by a later call. */
  look(one: Watched, index: number, request: CollectRequest, signal: AbortSignal): Promise<Collected>;
  /** Resolves when a host was seen for the first time, and when the signal fires. */
  news(signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Makes the roster of a source. */
export function createRoster(id: string, config: SshConfig, io: ReaderIo, client: SshClient): Roster {
  const ending = new AbortController();
  const watched = new Map<string, Watched>();
  let announce = (): void => undefined;

  const begin = async (one: Watched, index: number, request: CollectRequest, signal: AbortSignal): Promise<void> => {
    if (one.under !== undefined) return;
    const space = Math.min(spacingMs * index, config.interval / 2) * io.random.uniform();
    if (space > 0) await io.clock.sleep(space, signal);
    one.under = one.reader.look(partFor(id, one.host, request), ending.signal);
  };
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
    async look(one, index, request, signal) {
      await begin(one, index, request, signal);
      const patience = io.clock.deadline(Math.min(patienceMs, config.timeout), signal);
      try {
        const found = await Promise.race([one.under, fired(patience.signal)]);
        if (found === undefined) return late(id, one, request, io.clock.nowMs());
        one.under = undefined;
        if (!one.announced && one.reader.described() !== undefined) {
          one.announced = true;
          announce();
        }
        return found;
      } finally {
        patience.cancel();
      }
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

function fired(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

function late(source: string, one: Watched, request: CollectRequest, nowMs: number): Collected {
  const message = `${one.host.name} has not answered yet; what it says is told later`;
  const gap = { ...span({ source, nowMs, fromMs: request.fromMs }), reason: 'timeout', message } as const;
  const services = partFor(source, one.host, request).services;
  return { ...empty, gaps: services.map(({ name }) => ({ ...gap, service: name })) };
}
