import { listAt, textAt } from '../../../lib/dig.ts';
import type { KubernetesReader, KubernetesResource } from '../../../domain/ports/kubernetes.ts';

/**
 * Whether a cluster has an API that not every cluster has. Who may not read it is refused whether it is there or not;
 * which APIs there are, everybody who is known may ask.
 *
 * @throws WatchkeeperError as the reader does.
 */
export async function servesResource(
  reader: KubernetesReader,
  { group, version, plural }: KubernetesResource,
  signal: AbortSignal,
): Promise<boolean> {
  const found = await reader.read(`/apis/${group}/${version}`, signal);
  return listAt(found, 'resources').some((one) => textAt(one, 'name') === plural);
}
