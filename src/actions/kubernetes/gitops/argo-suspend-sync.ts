import { canonicalJson } from '../../../lib/canonical.ts';
import { applications } from '../../../io/clients/gitops/index.ts';
import { automatedOf, lookAtArgo, syncing } from './argo.ts';
import { ownerSwitch } from './owner-switch.ts';

/** Switches an Application's automated sync off, so that what is done in the cluster lasts. Nothing is rolled out by it. */
export const argoSuspendSync = ownerSwitch({
  kind: 'kubernetes.argo-suspend-sync',
  summary: "Switch an Argo CD application's automated sync off",
  access: [{ in: 'cluster', group: 'argoproj.io', resources: ['applications'], verbs: ['patch'] }],
  resources: { Application: applications },
  field: 'spec.syncPolicy.automated',
  off: null,
  describe: (owner) => `switch automated sync of Argo CD ${owner} off`,
  states: { off: 'does not sync by itself', on: 'syncs by itself' },
  find: async (given, context) => {
    const look = await lookAtArgo(given, context);
    const { application, app, parentReverts } = look;
    return {
      owned: look,
      kind: 'Application',
      object: application,
      objects: app.objects,
      busy: syncing(app),
      ...(parentReverts === undefined ? {} : { kept: parentReverts }),
    };
  },
  read: automatedOf,
  isSame: (a, b) => canonicalJson(a) === canonicalJson(b),
  spec: (automated) => ({ syncPolicy: { automated } }),
});
