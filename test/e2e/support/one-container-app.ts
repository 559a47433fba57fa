import type { AzureWorld } from '../../support/azure-world.ts';

/** The resource of the one app, below its subscription. */
export const containerApp = '/resourceGroups/shop/providers/Microsoft.App/containerApps/web';

/** Azure with one container app of two revisions, of which the newest has the traffic. */
export function oneContainerApp(): AzureWorld {
  const createdMs = Date.now() - 86_400_000;
  return {
    apps: {
      [containerApp]: {
        mode: 'Multiple',
        traffic: [{ latestRevision: true, weight: 100 }],
        // There is one before: it could be given the traffic.
        revisions: ['web--v1', 'web--v2'].map((name, at) => ({
          ...{ name, createdMs: createdMs + at * 3_600_000, image: `shop/web:${name.slice(-2)}`, active: true },
        })),
      },
    },
    ...{ sites: {}, sets: {}, machines: {}, groups: {}, people: {}, activity: [], tagged: [] },
  };
}
