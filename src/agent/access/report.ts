import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { Clock, Log } from '../../domain/ports/io.ts';
import type { KubernetesConnection, KubernetesReaders } from '../../domain/ports/kubernetes.ts';
import type { ClusterReading } from '../../domain/ports/source.ts';
import type { Service } from '../../domain/service.ts';
import { reviewAccess, reviewReader, type AccessReport } from './review.ts';
import { operatorPermissions, readerPermissions, type WhoActs } from './rules.ts';

/**
 * Asks each cluster that we may act in what the hand's own credentials are good for. The credentials are the operator's,
 * the asking is a reader's: nothing can be changed through it.
 *
 * @throws WatchkeeperError when the cluster does not answer, or not to us.
 */
export async function operatorReport(
  connection: KubernetesConnection,
  readers: KubernetesReaders,
  who: WhoActs,
  signal: AbortSignal,
): Promise<AccessReport> {
  const needed = operatorPermissions({ ...who, cluster: connection.cluster });
  return reviewAccess(readers.reader(connection), needed, signal);
}

function namespacesOf(services: readonly Service[], cluster: string): readonly string[] {
  const places = services.flatMap(({ runsOn }) => runsOn);
  const here = places.flatMap((place) =>
    place.on === 'kubernetes' && place.kubernetes.cluster === cluster ? [place.kubernetes.namespace] : [],
  );
  return [...new Set(here)].sort();
}

/** An access report as one sentence. */
export function accessText(
  { missing, excess, compared }: AccessReport,
  unneeded = 'which no runbook in force needs',
): string {
  if (!compared) return nothingCompared;
  const parts = [
    ...(missing.length === 0 ? [] : [`may not ${listed(missing)}`]),
    ...(excess.length === 0 ? [] : [`may ${listed(excess)}, ${unneeded}`]),
  ];
  return parts.length === 0 ? 'may do what the runbooks in force need, and nothing more' : parts.join('; ');
}

const nothingCompared =
  'answers; no document names a service in this cluster, so what it may do was not looked at ("watchkeeper permissions kubernetes --namespace NAME" prints what is needed where services are discovered)';

const shown = 8;

function listed(what: readonly string[]): string {
  return what.length <= shown ? what.join(', ') : `${what.slice(0, shown).join(', ')} and ${what.length - shown} more`;
}

/** Who reads a cluster, and what for. */
export interface ClusterReader {
  readonly connection: KubernetesConnection;
  readonly needs: readonly ClusterReading[];
}

/** Warns at a daemon's start of readers whose credentials could change something. Faults are told where they read. */
export async function logReaders(
  clusters: readonly ClusterReader[],
  readers: KubernetesReaders,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  for (const { connection, needs } of clusters)
    try {
      const within = AbortSignal.any([signal, AbortSignal.timeout(4 * limits.kubernetesTimeoutMs)]);
      const report = await reviewReader(readers.reader(connection), readerPermissions(needs), within);
      if (report.excess.length === 0) continue;
      const access = accessText(report, 'which reading does not need');
      log.warn('the credentials of a reader are good for more', { source: connection.cluster, access });
    } catch {
      // A cluster that cannot be asked cannot be read either, and that is told already.
    }
}

// Discovery needs some seconds after the start; a cluster where nothing is found by then is told as such.
const discovery = { looks: 30, everyMs: 1000 } as const;

/**
 * Says at a daemon's start what its hands lack, and what they have too much, in every namespace where a service is declared
 * or soon discovered. Faults are told like the rest.
 */
export async function logAccess(
  connections: readonly KubernetesConnection[],
  readers: KubernetesReaders,
  { services, ...acting }: Omit<WhoActs, 'services' | 'namespaces'> & { readonly services: () => readonly Service[] },
  { log, clock }: { readonly log: Log; readonly clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  for (const connection of connections) {
    const { cluster } = connection;
    try {
      for (let look = 0; look < discovery.looks && namespacesOf(services(), cluster).length === 0; look++)
        await clock.sleep(discovery.everyMs, signal);
      // Roles are printed so that every runbook may act wherever services are discovered: they are compared alike.
      const found = services().filter(({ origin }) => origin === 'discovered');
      const who = { ...acting, services: services(), namespaces: namespacesOf(found, cluster) };
      const within = AbortSignal.any([signal, AbortSignal.timeout(4 * limits.kubernetesTimeoutMs)]);
      const report = await operatorReport(connection, readers, who, within);
      const worse = report.missing.length + report.excess.length > 0;
      log[worse ? 'warn' : 'info']('what we may do in a cluster', { cluster, access: accessText(report) });
    } catch (thrown) {
      if (!signal.aborted)
        log.warn('what we may do in a cluster cannot be told', { cluster, error: WatchkeeperError.from(thrown) });
    }
  }
}
