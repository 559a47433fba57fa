import type { Clock, Secrets } from '../domain/ports/io.ts';
import type { KubernetesConnection, KubernetesResource, KubernetesTokenReviewer } from '../domain/ports/kubernetes.ts';
import { kubernetesOperators } from '../io/clients/kubernetes/index.ts';
import type { JsonObject } from '../lib/json.ts';

const reviews: KubernetesResource = {
  group: 'authentication.k8s.io',
  version: 'v1',
  plural: 'tokenreviews',
  kind: 'TokenReview',
  namespaced: false,
};

/** Asks a cluster whose token it is. Creating a TokenReview changes nothing there. */
export function tokenReviewer(
  connection: Omit<KubernetesConnection, 'cluster'>,
  io: { readonly clock: Clock; readonly secrets: Secrets },
): KubernetesTokenReviewer {
  const cluster = 'http.kubernetes';
  const api = kubernetesOperators(io.clock, io.secrets, [{ ...connection, cluster }]).operator(cluster);
  return {
    review: async (token, audiences, signal) => {
      const spec: JsonObject = { token, ...(audiences.length > 0 && { audiences: [...audiences] }) };
      const body: JsonObject = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec };
      const answer = await api.create(reviews, {}, body, {}, signal);
      const status = (answer['status'] ?? {}) as {
        readonly authenticated?: unknown;
        readonly audiences?: unknown;
        readonly user?: { readonly username?: unknown; readonly groups?: unknown };
      };
      const { username, groups } = status.user ?? {};
      if (status.authenticated !== true || typeof username !== 'string') return undefined;
      // An authenticator that knows no audiences answers none: then the token may be meant for anybody.
      const meant = Array.isArray(status.audiences) ? status.audiences : [];
      if (audiences.length > 0 && !audiences.some((one) => meant.includes(one))) return undefined;
      return { username, groups: Array.isArray(groups) ? groups.filter((one) => typeof one === 'string') : [] };
    },
  };
}
