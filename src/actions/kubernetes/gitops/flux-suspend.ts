import { dig } from '../../../lib/dig.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import { fluxAppliers, isAppliedByOthers, parseFlux } from '../../../io/clients/gitops/index.ts';
import { fieldManager } from '../../../io/clients/kubernetes/operator.ts';
import { ownerSwitch } from './owner-switch.ts';
import { lookAtOwned } from './workload.ts';

/** Suspends the Kustomization or HelmRelease that applies a workload, so that what is done in the cluster lasts. */
export const fluxSuspend = ownerSwitch({
  kind: 'kubernetes.flux-suspend',
  summary: 'Suspend the Flux Kustomization or HelmRelease that applies a workload',
  access: [
    { in: 'cluster', group: 'kustomize.toolkit.fluxcd.io', resources: ['kustomizations'], verbs: ['patch'] },
    { in: 'cluster', group: 'helm.toolkit.fluxcd.io', resources: ['helmreleases'], verbs: ['patch'] },
  ],
  resources: fluxAppliers,
  field: 'spec.suspend',
  off: true,
  describe: (owner) => `suspend Flux ${owner}`,
  states: { off: 'is suspended', on: 'is not suspended' },
  find: async (given, context) => {
    const owned = await lookAtOwned(given, context);
    const owner = owned.state?.owner;
    const { workload } = owned.place;
    if (owner?.by !== 'flux')
      throw new WatchkeeperError('unsupported', `nothing of Flux applies ${workload.kind} ${workload.name}`);
    const { kind, namespace, name } = owner;
    const object = await owned.cluster.get(fluxAppliers[kind], { namespace, name }, context.signal);
    const id = `${kind} ${namespace}/${name}`;
    if (object === undefined) throw new WatchkeeperError('not-found', `there is no ${id}`);
    const kept = isAppliedByOthers(object, 'suspend', fieldManager)
      ? { kept: `spec.suspend of ${id} is kept by somebody else, who would set it back` }
      : {};
    // A HelmRelease does not say how many objects it installs.
    const objects = kind === 'Kustomization' ? { objects: parseFlux(kind, object).objects } : {};
    return { owned, kind, object, ...objects, ...kept };
  },
  read: (object) => {
    const suspend = dig(object, 'spec', 'suspend');
    return typeof suspend === 'boolean' ? suspend : null;
  },
  // Not written, and `false` as `flux resume` writes it, are one.
  isSame: (a, b) => (a === true) === (b === true),
  spec: (suspend) => ({ suspend }),
});
