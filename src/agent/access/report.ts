import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { Log } from '../../domain/ports/io.ts';
import type { KubernetesConnection, KubernetesReaders } from '../../domain/ports/kubernetes.ts';
import { reviewAccess, type AccessReport } from './review.ts';
import { operatorPermissions, type WhoActs } from './rules.ts';

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

/** An access report as one sentence. */
export function accessText({ missing, excess }: AccessReport): string {
  const parts = [
    ...(missing.length === 0 ? [] : [`may not ${listed(missing)}`]),
    ...(excess.length === 0 ? [] : [`may ${listed(excess)}, which no runbook in force needs`]),
  ];
  return parts.length === 0 ? 'may do what the runbooks in force need, and nothing more' : parts.join('; ');
}

const shown = 8;

function listed(what: readonly string[]): string {
  return what.length <= shown ? what.join(', ') : `${what.slice(0, shown).join(', ')} and ${what.length - shown} more`;
}

/** Says at a daemon's start what its hands lack, and what they have too much. Faults are told like the rest. */
export async function logAccess(
  connections: readonly KubernetesConnection[],
  readers: KubernetesReaders,
  who: WhoActs,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  for (const connection of connections) {
    const { cluster } = connection;
    try {
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
