import * as z from 'zod';

import { oneLine } from '../../../lib/text.ts';
import type { AskOf, AzureState, Running } from './state.ts';

/** The answer to a web app or one of its slots, as far as it is used. */
export const webApp = z.object({
  properties: z.object({
    state: z.string().nullish(),
    availabilityState: z.string().nullish(),
    usageState: z.string().nullish(),
    siteConfig: z.object({ linuxFxVersion: z.string().nullish() }).nullish(),
    slotSwapStatus: z
      .object({
        timestampUtc: z.string().nullish(),
        sourceSlotName: z.string().nullish(),
        destinationSlotName: z.string().nullish(),
      })
      .nullish(),
  }),
});

/** The answer to its deployments. */
export const deploymentList = z.object({
  value: z
    .array(
      z.object({
        name: z.string(),
        properties: z.object({
          status: z.number().nullish(),
          message: z.string().nullish(),
          author: z.string().nullish(),
          deployer: z.string().nullish(),
          start_time: z.string().nullish(),
          end_time: z.string().nullish(),
          active: z.boolean().nullish(),
        }),
      }),
    )
    .default([]),
});
type Site = z.infer<typeof webApp>['properties'];
type Deployment = z.infer<typeof deploymentList>['value'][number];

/** What runs there: its image, or its active deployment, by as much of its id as tells it from others. */
export function contentOf(site: Site, deployments: readonly Deployment[]): string | undefined {
  const image = /^DOCKER\|(.+)$/.exec(site.siteConfig?.linuxFxVersion ?? '')?.[1];
  if (image !== undefined) return oneLine(image, 300);
  const name = deployments.find(({ properties }) => properties.active === true)?.name;
  return name === undefined ? undefined : oneLine(name.split('/').at(-1) ?? '', 60).slice(0, 12);
}

/** What a web app says of itself. */
export async function webAppState(ask: AskOf): Promise<AzureState> {
  const [siteAnswer, deploymentsAnswer] = await Promise.all([ask('webApps.get'), ask('webApps.deployments')]);
  const { properties: site } = webApp.parse(siteAnswer);
  const { value: deployments } = deploymentList.parse(deploymentsAnswer);
  const isUp = site.state === 'Running' && (site.availabilityState ?? 'Normal') === 'Normal';
  const content = contentOf(site, deployments);
  return {
    availability: isUp ? 1 : 0,
    isFailing: false,
    replicas: isUp ? 1 : 0,
    ...(content === undefined ? {} : { running: runningOf(content, site, deployments) }),
    said: `${site.state ?? 'unknown'}, ${site.availabilityState ?? 'unknown'}`,
    facts: {
      ...{ state: site.state ?? '', availability: site.availabilityState ?? '', runs: content ?? '' },
      swapped: site.slotSwapStatus?.timestampUtc ?? '',
    },
  };
}

// A swap brings a deployment that is older than the swap: the later of the two is when it began to serve.
function runningOf(what: string, { slotSwapStatus }: Site, deployments: readonly Deployment[]): Running {
  const active = deployments.find(({ properties }) => properties.active === true)?.properties;
  const deployedMs = Date.parse(active?.end_time ?? active?.start_time ?? '');
  const swappedMs = Date.parse(slotSwapStatus?.timestampUtc ?? '');
  const sinceMs = Math.max(...[deployedMs, swappedMs].filter(Number.isFinite));
  const isSwap = Number.isFinite(swappedMs) && sinceMs === swappedMs;
  const slot = slotSwapStatus?.sourceSlotName ?? '';
  const author = active?.author ?? active?.deployer ?? '';
  return {
    what,
    ...(Number.isFinite(sinceMs) ? { sinceMs } : {}),
    // Whoever swapped is not whoever deployed to the slot: the activity log knows.
    ...(isSwap || author === '' ? {} : { by: oneLine(author, 100) }),
    attributes: {
      ...(isSwap ? { swap: oneLine(slot, 60) } : {}),
      ...(active?.message ? { message: oneLine(active.message, 200) } : {}),
    },
  };
}
