import type { ReaderIo } from '../../domain/ports/io.ts';
import type { Source, SourceTraits } from '../../domain/ports/source.ts';
import type { Service } from '../../domain/service.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { createCollector, empty, span } from '../../io/clients/linux/collect.ts';
import { describeMachine, machineName, machineState } from '../../io/clients/linux/machine.ts';
import { localContainers } from '../../io/clients/linux/containers/index.ts';
import { createJournal } from '../../io/clients/linux/journal/index.ts';
import { createSystemd } from '../../io/clients/linux/services/systemd.ts';
import { createRates } from '../../io/clients/linux/rates.ts';
import { gapMessage, gapReason } from '../../io/clients/linux/reading.ts';
import type { ReadContext } from '../../io/clients/linux/reading.ts';
import type { HostConfig } from './schema.ts';
import type { Stamp } from '../../io/clients/linux/signals.ts';

/** What this host can tell. */
export const hostTraits: SourceTraits = { metrics: true, logs: true, traces: false, changes: true, discovery: true };

const maxCounters = 20_000;

/** A live reader of this machine. It keeps counters and cursors between collects, and nothing else. */
export function createHostSource(id: string, config: HostConfig, io: ReaderIo): Source {
  const rates = createRates(maxCounters);
  const prefix = config.root.replace(/\/+$/, '');
  const contextOf = (signal: AbortSignal): ReadContext => ({
    files: io.files,
    sockets: io.sockets,
    clock: io.clock,
    signal,
    rates,
    monotonicMs: io.clock.monotonicMs(),
    at: (path) => prefix + path,
  });
  const nameOf = machineName(config.name);
  const collector = createCollector(
    {
      excludeMounts: config.excludeMounts,
      certificates: config.certificates,
      watch: config.watch,
      systemd: createSystemd(config.systemBus),
      readJournal: createJournal(config.journal),
      containers: localContainers(),
    },
    nameOf,
  );

  return {
    id,
    kind: 'host',
    traits: hostTraits,
    intervalMs: config.intervalMs,
    async collect(request, signal) {
      const nowMs = io.clock.nowMs();
      const stamp: Stamp = { source: id, nowMs, fromMs: request.fromMs };
      const context = contextOf(signal);
      try {
        return await collector.collect(request, context, stamp);
      } catch (thrown) {
        if (signal.aborted) throw WatchkeeperError.from(thrown, 'aborted');
        return { ...empty, gaps: [{ ...span(stamp), reason: gapReason(thrown), message: gapMessage(thrown, 'host') }] };
      }
    },
    async discover(signal): Promise<readonly Service[]> {
      const context = contextOf(signal);
      return [await describeMachine(context, id, await nameOf(context), config)];
    },
    async check(signal) {
      try {
        await machineState(contextOf(signal), 'host', io.clock.nowMs());
      } catch (thrown) {
        const error = WatchkeeperError.from(thrown);
        throw new WatchkeeperError(error.code, `source ${id} cannot read this machine: ${error.message}`, {
          fix: 'The host source needs Linux with /proc mounted; in a container, mount it and set root.',
          cause: thrown,
        });
      }
    },
    close: () => {
      collector.close();
      return Promise.resolve();
    },
  };
}
