import * as z from 'zod';

import { oneLine } from '../../lib/text.ts';
import type { Reach } from './place.ts';

const site = z.object({
  properties: z.object({
    state: z.string().default(''),
    availabilityState: z.string().nullish(),
    siteConfig: z.object({ linuxFxVersion: z.string().nullish() }).nullish(),
    slotSwapStatus: z.object({ timestampUtc: z.string().nullish() }).nullish(),
  }),
});
const deployments = z.object({
  value: z.array(z.object({ name: z.string(), properties: z.object({ active: z.boolean().nullish() }) })).default([]),
});

/** A web app, or a slot of it, as a hand sees it. */
export interface WebApp {
  readonly state: string;
  readonly isUp: boolean;
  readonly swappedAt: string;
  /** What runs there: its image, or its active deployment, as sources write it. */
  readonly content: string | undefined;
}

/** Reads the app, or its slot: `/slots/staging`. */
export async function readSite(reach: Reach<'web-app'>, part?: string): Promise<WebApp> {
  const at = part === undefined ? {} : { part };
  const [siteAnswer, deployed] = await Promise.all([
    reach.ask('webApps.get', at),
    reach.ask('webApps.deployments', at),
  ]);
  const { properties } = site.parse(siteAnswer);
  const active = deployments.parse(deployed).value.find((one) => one.properties.active === true)?.name;
  const image = /^DOCKER\|(.+)$/.exec(properties.siteConfig?.linuxFxVersion ?? '')?.[1];
  return {
    state: properties.state,
    isUp: properties.state === 'Running' && (properties.availabilityState ?? 'Normal') === 'Normal',
    swappedAt: properties.slotSwapStatus?.timestampUtc ?? '',
    content:
      image === undefined ? active && oneLine(active.split('/').at(-1) ?? '', 60).slice(0, 12) : oneLine(image, 300),
  };
}
