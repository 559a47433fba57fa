import type { Collected, CollectRequest } from '../../domain/ports/source.ts';
import type { Service } from '../../domain/service.ts';
import { createCollector } from '../../io/clients/linux/collect.ts';
import { describeMachine } from '../../io/clients/linux/machine.ts';
import { createRates } from '../../io/clients/linux/rates.ts';
import type { ReadContext } from '../../io/clients/linux/reading.ts';
import type { Stamp } from '../../io/clients/linux/signals.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { parseAnswers } from './remote/answers.ts';
import { wordsOf } from './remote/ask.ts';
import { remoteContainers } from './remote/containers.ts';
import { remoteFiles } from './remote/files.ts';
import { remoteJournal } from './remote/journal.ts';
import { readListening } from './remote/listening.ts';
import { createRemoteMachine } from './remote/machine.ts';
import type { RemoteMachine, Trip } from './remote/machine.ts';
import { readScript } from './remote/script.ts';
import { remoteSystemd } from './remote/systemd.ts';
import { told, unread } from './told.ts';
import type { HostReader, HostReaderParts } from './told.ts';

const maxCounters = 5_000;

/** Makes the reader of one host. Looks at it go one after another; its counters and cursors are its own. */
export function createHostReader(parts: HostReaderParts): HostReader {
  const { config, clock, service } = parts;
  const machine = createRemoteMachine(tripTo(parts));
  const files = remoteFiles(machine);
  const journal = remoteJournal(machine);
  const rates = createRates(maxCounters);
  const collector = createCollector(
    {
      excludeMounts: config.excludeMounts,
      certificates: config.certificates,
      watch: config.watch,
      systemd: remoteSystemd(machine),
      readJournal: (...asked) => journal.read(...asked),
      containers: remoteContainers(machine, clock),
    },
    () => Promise.resolve(service),
  );
  let described: Promise<Service> | undefined;
  let last: Promise<unknown> = Promise.resolve();

  const begin = async (fromMs: number, signal: AbortSignal): Promise<ReadContext> => {
    files.begin();
    await machine.begin([uptime, { is: 'zone' }, ...files.upcoming(), ...journal.upcoming(fromMs)], signal);
    return {
      files,
      sockets: { connectUnix: () => Promise.reject(new WatchkeeperError('unsupported', 'no sockets over SSH')) },
      clock,
      signal,
      rates,
      ...(await clockOf(machine, signal)),
      at: (path) => path,
    };
  };

  const once = async (request: CollectRequest, signal: AbortSignal): Promise<Collected> => {
    const stamp: Stamp = { source: parts.source, nowMs: clock.nowMs(), fromMs: request.fromMs };
    try {
      const context = await begin(request.fromMs, signal);
      const found = await collector.collect(request, context, stamp);
      described ??= describeMachine(context, parts.source, service, {
        systemBus: '/run/systemd/system',
        certificates: config.certificates,
      });
      await described.catch(() => (described = undefined));
      const live = request.mode === 'live' && request.services.some(({ name }) => name === service);
      const ports = live ? await readListening(machine, service, stamp.nowMs, signal) : [];
      return told(parts, { ...found, resources: [...found.resources, ...ports] });
    } catch (thrown) {
      return unread(parts, request, stamp, thrown);
    }
  };
  return {
    name: parts.name,
    look(request, signal) {
      const next = last.then(() => once(request, signal));
      last = next;
      return next;
    },
    described: () => described,
    check: async (signal) => {
      await tripTo(parts)([uptime], signal);
    },
    close: () => collector.close(),
  };
}

const uptime = { is: 'file', path: '/proc/uptime', bytes: 256 } as const;

// The host's own clocks: a rate must not depend on how long an answer was under way.
async function clockOf(
  machine: RemoteMachine,
  signal: AbortSignal,
): Promise<{ readonly monotonicMs: number; readonly zoneMs: number }> {
  const text = async (question: Parameters<RemoteMachine['ask']>[0]): Promise<string> => {
    const answer = await machine.ask(question, signal);
    return answer.is === 'bytes' ? new TextDecoder().decode(answer.bytes) : '';
  };
  const up = /^(\d+\.\d+) /.exec(await text(uptime))?.[1];
  const [, sign, hours, minutes] = /^([+-])(\d\d)(\d\d) \d+$/m.exec(await text({ is: 'zone' })) ?? [];
  if (up === undefined)
    throw new WatchkeeperError('unsupported', 'the host has no /proc/uptime: it is no Linux machine');
  const zone = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60_000;
  return { monotonicMs: Number(up) * 1_000, zoneMs: sign === '-' ? -zone : zone };
}

function tripTo({ client, target, config }: HostReaderParts): Trip {
  return async (questions, signal) => {
    const outcome = await client.run(target, {
      script: readScript,
      args: questions.flatMap(wordsOf),
      timeoutMs: config.timeout,
      signal,
    });
    // Reading again does no harm, so an end that was not seen is no more than an answer that is missing.
    if (outcome.is === 'unknown') throw new WatchkeeperError(outcome.reason, outcome.message);
    if (outcome.code === 127)
      throw new WatchkeeperError('unsupported', 'the host has no sh: only Linux machines are read', {
        fix: 'Take the host out of the inventory, or give the user a POSIX shell.',
      });
    return parseAnswers(outcome.stdout, questions.length);
  };
}
