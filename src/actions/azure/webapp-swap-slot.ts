import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import { schemaOf } from '../../lib/schema.ts';
import { until } from '../until.ts';
import type { PlaceOf, Reach } from './place.ts';
import { swapAction } from './swap.ts';
import type { SwapLook } from '../swap.ts';
import { readSite } from './web-app.ts';

const params = z.strictObject({
  /** What is blamed: the deployment or image in production. When something else runs there by now, nothing is done. */
  from: z.string().min(1).max(300).exactOptional(),
});
type Params = z.infer<typeof params>;

/** Swaps a web app with its deployment slot, so that what is in the slot serves, and waits until it does. */
export const webAppSwapSlot = swapAction<Params, 'web-app'>({
  kind: 'azure.webapp-swap-slot',
  summary: 'Swap a web app with its deployment slot and wait until what was there serves',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  is: 'web-app',
  setting: 'production',
  asks: (place) => ({ look: ['webApps.get', 'webApps.deployments'], act: ['webApps.swap'], part: partOf(place) }),
  look,
  read: async (reach) => ({ value: (await readSite(reach)).content ?? '' }),
  write: async (reach, to) => {
    // A swap exchanges whatever there is: what is not there any more must not be fetched.
    const { content } = await readSite(reach, partOf(reach.place));
    if (content !== to)
      throw new WatchkeeperError(
        'conflict',
        `slot ${slotOf(reach.place)} holds ${content ?? 'nothing known'} by now, and not ${to}`,
      );
    await reach.ask('webApps.swap', { body: { targetSlot: slotOf(reach.place), preserveVnet: true } });
  },
  finish: (reach, to) =>
    until(reach.context, limits.azurePollMs, async () => {
      const { content, isUp, state } = await readSite(reach);
      const message = `production runs ${content ?? 'nothing known'}, and is ${state}`;
      return { is: content === to && isUp ? 'done' : 'under-way', message };
    }),
});

function slotOf({ resource }: PlaceOf<'web-app'>): string {
  return resource.slot ?? 'staging';
}

function partOf(place: PlaceOf<'web-app'>): string {
  return `/slots/${slotOf(place)}`;
}

async function look(given: Params, reach: Reach<'web-app'>): Promise<SwapLook> {
  const slot = slotOf(reach.place);
  const [production, staged] = await Promise.all([readSite(reach), readSite(reach, partOf(reach.place))]);
  const base = {
    now: { value: production.content ?? '' },
    facts: {
      slot,
      state: production.state,
      slotState: staged.state,
      swappedAt: production.swappedAt,
      staged: staged.content ?? '',
    },
    blast: {
      ...{ touched: 1, total: 1, healthyNow: Number(production.isUp), healthyAfter: Number(staged.isUp) },
      ...{ targets: [reach.place.resource.name], dependents: [] },
    },
    diff: [`slot ${slot}: ${staged.content ?? '?'} → ${production.content ?? '?'}`],
  };
  if (production.content === undefined || staged.content === undefined)
    return {
      ...base,
      to: { refused: 'neither deployments nor an image tell what runs in production and in the slot' },
    };
  if (given.from !== undefined && given.from !== production.content)
    return { ...base, to: { refused: `${given.from} is blamed, and ${production.content} runs by now` } };
  if (!staged.isUp)
    return {
      ...base,
      to: { refused: `slot ${slot} is ${staged.state === '' ? 'not running' : staged.state}: it is not swapped in` },
    };
  if (staged.content === production.content)
    return { ...base, to: { refused: `slot ${slot} holds the same as production: ${staged.content}` } };
  return { ...base, to: staged.content };
}
