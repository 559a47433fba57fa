import type { Clock } from '../../domain/ports/io.ts';
import type { Collected, CollectRequest } from '../../domain/ports/source.ts';
import type { SshClient, SshTarget } from '../../domain/ports/ssh.ts';
import type { Service } from '../../domain/service.ts';
import { seriesKey } from '../../domain/telemetry.ts';
import { empty, span } from '../../io/clients/linux/collect.ts';
import { gapMessage, gapReason } from '../../io/clients/linux/reading.ts';
import type { Stamp } from '../../io/clients/linux/signals.ts';
import { digest } from '../../lib/canonical.ts';
import type { SshConfig } from './schema.ts';

/** One host, as the source looks at it again and again. */
export interface HostReader {
  readonly name: string;
  /** One look. Never throws: what cannot be read is a gap of each service that was asked about. */
  look(request: CollectRequest, signal: AbortSignal): Promise<Collected>;
  /** The machine as a service, as it was last described; before the first look with what every machine has. */
  described(): Promise<Service> | undefined;
  /** One trip, to see whether the host lets us in. @throws as `SshClient.run`. */
  check(signal: AbortSignal): Promise<void>;
  close(): void;
}

/** What a reader of one host needs. */
export interface HostReaderParts {
  readonly source: string;
  readonly name: string;
  readonly service: string;
  readonly target: SshTarget;
  readonly config: SshConfig;
  readonly client: SshClient;
  readonly clock: Clock;
}

/** A service on several hosts has a series, a change and a fact for each; the machine's own need no telling apart. */
export function told({ name, service }: HostReaderParts, found: Collected): Collected {
  const own = (one: { readonly service?: string }): boolean => one.service === service;
  return {
    ...found,
    series: found.series.map((one) => {
      const labels = own(one) ? one.labels : { ...one.labels, host: name };
      return { ...one, labels, key: seriesKey(one.service, one.signal, labels) };
    }),
    logs: found.logs.map((one) => ({ ...one, attributes: { ...one.attributes, 'host.name': name } })),
    // Of a service it is seen here, and perhaps on others of its hosts: whoever keeps changes puts that together.
    changes: found.changes.map((one) => ({
      ...one,
      id: digest(['ssh', name, one.id]),
      ...(own(one) ? {} : { instances: [name], instanceAtMs: { [name]: one.atMs } }),
      attributes: own(one) ? { ...one.attributes, host: name } : one.attributes,
    })),
    resources: found.resources.map((one) => ({
      ...one,
      id: own(one) ? one.id : `${name}/${one.id}`,
      attributes: { ...one.attributes, host: name },
    })),
    gaps: found.gaps.map((one) => ({ ...one, message: `${name}: ${one.message}` })),
  };
}

/** What is said of a host that could not be read: a gap for each service that was asked about. */
export function unread({ name }: HostReaderParts, request: CollectRequest, stamp: Stamp, thrown: unknown): Collected {
  const gap = { ...span(stamp), reason: gapReason(thrown), message: gapMessage(thrown, name) };
  return { ...empty, gaps: request.services.map((one) => ({ ...gap, service: one.name })) };
}
