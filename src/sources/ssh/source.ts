import type { ReaderIo } from '../../domain/ports/io.ts';
import type { Collected, Source } from '../../domain/ports/source.ts';
import type { Service } from '../../domain/service.ts';
import type { Gap } from '../../domain/telemetry.ts';
import { empty, span } from '../../io/clients/linux/collect.ts';
import type { Stamp } from '../../io/clients/linux/signals.ts';
import type { MetricName } from '../../io/clients/linux/metrics/catalogue.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { serviceOf } from '../../io/clients/ssh/inventory/fleet.ts';
import type { Fleet } from '../../io/clients/ssh/inventory/fleet.ts';
import { sharesOf } from './places.ts';
import { createRoster } from './roster.ts';
import type { Watched } from './roster.ts';
import type { SshConfig } from './schema.ts';
import { sshTraits } from './traits.ts';
import { bindingsOf, windowsAlways } from './windows/facts.ts';

const shortestMs = 5_000;

/** A live reader of many hosts. Each has its own connection, counters and cursors. */
export function createSshSource(id: string, config: SshConfig, io: ReaderIo): Source {
  const client = io.ssh.client();

  const roster = createRoster(id, config, io, client);

  return {
    id,
    kind: 'ssh',
    traits: sshTraits,
    intervalMs: config.interval,
    async collect(request, signal) {
      stop(signal);
      const fleet = await roster.refresh(signal);
      const shares = sharesOf(id, fleet.hosts, request);
      const stamp = { source: id, nowMs: io.clock.nowMs(), fromMs: request.fromMs };
      // Where this machine is too busy for all of them in time, what was heard is told: half of a fleet is better than none.
      const enough = io.clock.deadline(Math.max(shortestMs, config.interval) * 0.8, signal);
      const found = await Promise.all(
        roster.all().map((one) => {
          const share = shares.of.get(one.host.name);
          return share === undefined ? Promise.resolve([]) : roster.look(one, share, enough.signal);
        }),
      );
      enough.cancel();
      stop(signal);
      return together([...found.flat(), { ...empty, gaps: inventoryGaps(fleet, shares.nowhere, stamp) }]);
    },
    async discover(signal) {
      await roster.refresh(signal);
      return Promise.all(roster.all().map((one) => described(id, one)));
    },
    newServices: (signal) => roster.news(signal),
    check: async (signal) => {
      const fleet = await roster.refresh(signal);
      await checkAll(id, fleet, roster.all(), signal);
    },
    close: () => {
      roster.close();
      client.close();
      return Promise.resolve();
    },
  };
}

function inventoryGaps(fleet: Fleet, nowhere: readonly string[], stamp: Stamp): readonly Gap[] {
  const homeless = nowhere.map((service): Gap => ({
    ...span(stamp),
    reason: 'unsupported',
    message: `${service} runs on no host of this inventory`,
    service,
  }));
  const unread = fleet.problems.map((problem): Gap => ({
    ...span(stamp),
    reason: 'partial',
    message: `inventory: ${problem}`,
  }));
  return [...homeless, ...unread];
}

function together(all: readonly Collected[]): Collected {
  return {
    series: all.flatMap((one) => one.series),
    logs: all.flatMap((one) => one.logs),
    changes: all.flatMap((one) => one.changes),
    resources: all.flatMap((one) => one.resources),
    findings: [],
    gaps: all.flatMap((one) => one.gaps),
  };
}

// What every Linux machine has; the rest is offered once the host was seen to have it.
const always: readonly MetricName[] = ['cpu', 'cpu_iowait', 'cpu_steal', 'memory', 'disk', 'inodes', 'load', 'fds'];

async function described(source: string, { reader, host }: Watched): Promise<Service> {
  const windows = host.os === 'windows';
  const seen = await reader.described();
  return {
    name: serviceOf(host.name),
    owner: { team: '', escalate: '' },
    dependsOn: [],
    telemetry: bindingsOf(source, windows ? windowsAlways : always),
    slos: [],
    origin: 'discovered',
    ...seen,
    runsOn: [{ on: 'ssh', ssh: { source, host: host.name, ...(windows ? { os: 'windows' as const } : {}) } }],
    labels: {
      ...host.labels,
      kind: 'host',
      os: windows ? 'windows' : 'linux',
      host: host.name,
      ...(host.groups.length === 0 ? {} : { groups: host.groups.join(',').slice(0, 253) }),
    },
  };
}

async function checkAll(id: string, fleet: Fleet, all: readonly Watched[], signal: AbortSignal): Promise<void> {
  if (all.length === 0)
    throw new WatchkeeperError(
      'config-invalid',
      `source ${id} has no hosts: ${fleet.problems.join('; ').slice(0, 500)}`,
    );
  const results = await Promise.allSettled(all.map(({ reader }) => reader.check(signal)));
  const failed = results.flatMap((result, index) =>
    result.status === 'rejected'
      ? [{ name: all[index]?.host.name ?? '', error: WatchkeeperError.from(result.reason) }]
      : [],
  );
  const [first] = failed;
  if (first === undefined) return;
  const names = failed.slice(0, 10).map(({ name }) => name);
  const rest = failed.length > names.length ? ' …' : '';
  throw new WatchkeeperError(
    first.error.code,
    `source ${id}: ${failed.length} of ${all.length} hosts cannot be read (${names.join(', ')}${rest}); ${first.name}: ${first.error.message}`,
    { cause: first.error, ...(first.error.fix === undefined ? {} : { fix: first.error.fix }) },
  );
}

function stop(signal: AbortSignal): void {
  if (signal.aborted) throw new WatchkeeperError('aborted', 'stopped while hosts were read', { cause: signal.reason });
}
