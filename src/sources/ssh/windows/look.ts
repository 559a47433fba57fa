import type { Collected, CollectRequest } from '../../../domain/ports/source.ts';
import type { Service } from '../../../domain/service.ts';
import { noPast, understand } from '../../../io/clients/linux/collect.ts';
import type { Measured } from '../../../io/clients/linux/collect.ts';
import { metricOf } from '../../../io/clients/linux/metrics/catalogue.ts';
import { createRates } from '../../../io/clients/linux/rates.ts';
import type { Rates } from '../../../io/clients/linux/rates.ts';
import { answer } from '../../../io/clients/linux/signals.ts';
import type { Stamp } from '../../../io/clients/linux/signals.ts';
import { serviceGroups } from '../../../io/clients/linux/services/index.ts';
import { parseFrame } from '../../../io/clients/windows/frame.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import { told, unread } from '../told.ts';
import type { HostReader, HostReaderParts } from '../told.ts';
import { channelsOf, everyLook, unitsOf, updatesEveryMs } from './ask.ts';
import type { Asked } from './ask.ts';
import { createWindowsChanges } from './changes.ts';
import { readMachine } from './counters.ts';
import { parseDocument } from './document.ts';
import type { WindowsDocument } from './document.ts';
import { readEvents } from './events.ts';
import { describeWindows, windowsFacts } from './facts.ts';
import { readWindowsScript } from './script/index.ts';
import { readService } from './services.ts';
import type { ServiceMemory, ServiceRead } from './services.ts';

const maxCounters = 5_000;

/** Makes the reader of one Windows host: one trip a look. Its counters, cursors and baselines are its own. */
export function createWindowsReader(parts: HostReaderParts): HostReader {
  const { clock, service: host, config } = parts;
  const counted: Counted = { rates: createRates(maxCounters), memories: new Map() };
  const cursors = new Map<string, number>();
  const changes = createWindowsChanges();
  let described: Promise<Service> | undefined;
  let updatesAtMs = -Infinity;
  let last: Promise<unknown> = Promise.resolve();

  const ask = async (request: CollectRequest, nowMs: number, signal: AbortSignal): Promise<WindowsDocument> => {
    const live = request.mode === 'live';
    const updates = live && clock.monotonicMs() - updatesAtMs >= updatesEveryMs;
    const document = await trip(parts, signal, {
      sections: live ? [...everyLook, ...(updates ? (['updates'] as const) : [])] : ['system', 'services', 'events'],
      units: unitsOf(request.services),
      channels: channelsOf(config.channels, cursors, request, nowMs),
    });
    if (updates) updatesAtMs = clock.monotonicMs();
    return document;
  };

  const once = async (request: CollectRequest, signal: AbortSignal): Promise<Collected> => {
    const stamp: Stamp = { source: parts.source, nowMs: clock.nowMs(), fromMs: request.fromMs };
    try {
      const live = request.mode === 'live';
      const document = await ask(request, stamp.nowMs, signal);
      const found = live ? measured(parts, counted, request, document, stamp) : noPast(request, stamp);
      const changed = live
        ? changes.live(document, request.services, host, stamp)
        : { changes: changes.history(request.services, request.fromMs, request.untilMs), gaps: [] };
      const logged = readEvents(document, request.services, host, stamp, cursors, live);
      described = Promise.resolve(describeWindows(document, parts.source, host));
      const facts = live && request.services.some(({ name }) => name === host);
      return told(parts, {
        series: found.series,
        logs: logged.logs,
        changes: changed.changes,
        resources: [...found.resources, ...(facts ? windowsFacts(document, host, stamp.nowMs) : [])],
        findings: [],
        gaps: [...found.gaps, ...changed.gaps, ...logged.gaps],
      });
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
      (await trip(parts, signal, { sections: ['system'], units: [], channels: [] })).section('system');
    },
    close: () => undefined,
  };
}

/** What is remembered of a host's counters and of the processes of its services. */
interface Counted {
  readonly rates: Rates;
  readonly memories: Map<string, ServiceMemory>;
}

function measured(
  { service: host, config }: HostReaderParts,
  { rates, memories }: Counted,
  request: CollectRequest,
  document: WindowsDocument,
  stamp: Stamp,
): Measured {
  const { wanted, gaps } = understand(request.signals, stamp);
  const whole = readMachine(document, rates, config.excludeMounts);
  const reads = new Map<string, ServiceRead>();
  for (const service of request.services) {
    if (service.name === host) continue;
    const memory = memories.get(service.name) ?? { identity: undefined, restarts: 0 };
    memories.set(service.name, memory);
    reads.set(service.name, readService(service, document, memory, rates, stamp.nowMs));
  }
  rates.sweep();
  const answers = wanted.map((one) => {
    const own = serviceGroups.has(metricOf(one.query.metric).group) ? reads.get(one.asked.service)?.reading : undefined;
    return answer(one, own ?? whole, stamp);
  });
  return {
    series: answers.flatMap((one) => one.series),
    gaps: [...gaps, ...answers.flatMap((one) => one.gaps)],
    resources: [...reads.values()].flatMap((one) => one.resources),
  };
}

async function trip(
  { client, target, config }: HostReaderParts,
  signal: AbortSignal,
  asked: Omit<Asked, 'budgetMs'>,
): Promise<WindowsDocument> {
  const outcome = await client.run(target, {
    shell: 'powershell',
    script: readWindowsScript,
    // The last section may take as long as one query may: half of the time is left for it and for the way.
    args: [JSON.stringify({ ...asked, budgetMs: config.timeout / 2 })],
    timeoutMs: config.timeout,
    signal,
  });
  // Reading again does no harm, so an end that was not seen is no more than an answer that is missing.
  if (outcome.is === 'unknown') throw new WatchkeeperError(outcome.reason, outcome.message);
  return parseDocument(parseFrame(outcome.stdout, outcome.stderr));
}
