import type { JsonObject } from '../../../lib/json.ts';
import type { Clock } from '../../../domain/ports/io.ts';
import type {
  KubernetesObject,
  KubernetesOperator,
  KubernetesPatch,
  KubernetesWriteOptions,
} from '../../../domain/ports/kubernetes.ts';
import { kubernetesPath } from './paths.ts';
import { objectOf, parseObject } from './parse.ts';
import { kubernetesReader } from './reader.ts';
import type { KubernetesCall, KubernetesTransport } from './transport.ts';

/** Who the API server writes into `managedFields` for our writes. */
export const fieldManager = 'watchkeeper';

const patchTypes = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

/** A cluster to act in. Every write is one request, sent once. */
export function kubernetesOperator(cluster: string, clock: Clock, transport: KubernetesTransport): KubernetesOperator {
  const write = async (
    method: KubernetesCall['method'],
    path: string,
    body: JsonObject | readonly JsonObject[],
    options: KubernetesWriteOptions,
    signal: AbortSignal,
    contentType?: string,
  ): Promise<JsonObject> => {
    const query = { fieldManager, dryRun: options.dryRun === true ? 'All' : undefined };
    const call = {
      method,
      path,
      query,
      body: JSON.stringify(body),
      ...(contentType === undefined ? {} : { contentType }),
    };
    return parseObject(await transport.call(call, signal), path);
  };
  const written = async (
    method: KubernetesCall['method'],
    path: string,
    body: JsonObject | KubernetesPatch['body'],
    options: KubernetesWriteOptions,
    signal: AbortSignal,
    contentType?: string,
  ): Promise<KubernetesObject> => objectOf(await write(method, path, body, options, signal, contentType), path);
  return {
    ...kubernetesReader(cluster, clock, transport),
    // A new object is handed to its collection, which takes no name; a subresource belongs to an object that is there.
    create: (resource, { name, ...space }, body, { subresource, ...options }, signal) =>
      write(
        'POST',
        kubernetesPath(resource, subresource === undefined ? space : { ...space, ...(name && { name }) }, subresource),
        body,
        options,
        signal,
      ),
    patch: (resource, ref, patch, options, signal) =>
      written(
        'PATCH',
        kubernetesPath(resource, ref, options.subresource),
        patch.body,
        options,
        signal,
        patchTypes[patch.type],
      ),
    replace: (resource, ref, body, options, signal) =>
      written('PUT', kubernetesPath(resource, ref, options.subresource), body, options, signal),
    remove: async (resource, ref, uid, options, signal) => {
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', preconditions: { uid } };
      await write('DELETE', kubernetesPath(resource, ref, options.subresource), body, options, signal);
    },
  };
}
