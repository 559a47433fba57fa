import * as z from 'zod';

import type { Service } from '../../domain/service.ts';
import { durationMs } from '../../lib/schema.ts';
import type { PeerConfig } from './polite-http.ts';
import { httpAuth, httpHeaders, httpUrl } from './http-reader.ts';

/** What every store of logs or traces is configured with. */
export interface RecordStoreConfig extends PeerConfig {
  readonly interval: number;
  /** How long after its own time a record may still come in. */
  readonly late: number;
  /** `bound`: services that name this source. `all`: every other as well, by its own name. */
  readonly services: 'bound' | 'all';
}

/** The members of such a configuration, for a strict object. */
export const recordStoreShape = {
  url: httpUrl.refine((text) => !text.includes('?') && !text.includes('#'), 'must have no query and no fragment'),
  auth: httpAuth.exactOptional(),
  headers: httpHeaders.exactOptional(),
  interval: durationMs.refine((ms) => ms >= 1_000, 'must be at least 1s').prefault('15s'),
  timeout: durationMs.refine((ms) => ms >= 100 && ms <= 120_000, 'must be between 100ms and 2m').prefault('10s'),
  late: durationMs.refine((ms) => ms <= 600_000, 'must be at most 10m').prefault('15s'),
  concurrency: z.int().min(1).max(64).default(4),
  services: z.enum(['bound', 'all']).default('bound'),
} as const;

/** A tenant's name in the header that the store takes it from. */
export const tenantName = z.string().regex(/^[\x21-\x7e]{1,150}$/, 'must be printable ASCII without spaces');

/** One thing to read: a service, and the source's own part of its binding. */
export interface Bound {
  readonly service: string;
  readonly query: Readonly<Record<string, unknown>>;
}

/** What is to be read from this source: each binding that names it, and with `all` every service that has none. */
export function boundTo(
  id: string,
  which: RecordStoreConfig['services'],
  services: readonly Service[],
  key: 'logs' | 'traces',
): readonly Bound[] {
  return services.flatMap((service): readonly Bound[] => {
    const named = service[key] ?? [];
    const own = named.filter(({ source }) => source === id).map(({ query }) => ({ service: service.name, query }));
    return own.length > 0 || named.length > 0 || which === 'bound' ? own : [{ service: service.name, query: {} }];
  });
}

/** A service with nothing but those of its records in this source that are only ever searched for. `undefined`: it has none. */
export function onlySearched(
  id: string,
  service: Service,
  isSearched: (key: 'logs' | 'traces', query: Bound['query']) => boolean,
): Service | undefined {
  const of = (key: 'logs' | 'traces') =>
    (service[key] ?? []).filter(({ source, query }) => source === id && isSearched(key, query));
  const [logs, traces] = [of('logs'), of('traces')];
  return logs.length + traces.length === 0 ? undefined : { ...service, telemetry: {}, logs, traces };
}
