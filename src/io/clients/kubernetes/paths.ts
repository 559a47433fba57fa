import { WatchkeeperError } from '../../../lib/errors.ts';
import type { KubernetesRef, KubernetesResource } from '../../../domain/ports/kubernetes.ts';

/** The path of a collection, or of one object of it: `/apis/apps/v1/namespaces/shop/deployments/checkout`. */
export function kubernetesPath(
  resource: KubernetesResource,
  where: Partial<KubernetesRef>,
  subresource?: string,
): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const space = resource.namespaced && where.namespace !== undefined ? `/namespaces/${part(where.namespace)}` : '';
  const object = where.name === undefined ? '' : `/${part(where.name)}`;
  const below = subresource === undefined ? '' : `/${part(subresource)}`;
  return `${root}${space}/${resource.plural}${object}${below}`;
}

// A name from outside must stay one part of the path. URLs resolve `..` even when it is written as %2E%2E.
function part(text: string): string {
  if (text === '' || text === '.' || text === '..')
    throw new WatchkeeperError('config-invalid', `not the name of anything in Kubernetes: ${JSON.stringify(text)}`);
  return encodeURIComponent(text);
}
