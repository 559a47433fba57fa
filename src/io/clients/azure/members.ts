import * as z from 'zod';

import { WatchkeeperError } from '../../../lib/errors.ts';
import type { JsonObject } from '../../../lib/json.ts';
import { limits } from '../../../lib/limits.ts';
import { oneLine } from '../../../lib/text.ts';

/** How many machines a set of Flexible orchestration has, how many of them are well, and what is wrong with the others. */
export interface Members {
  readonly total: number;
  readonly well: number;
  readonly said: string;
}

const machines = z.object({
  value: z.array(
    z.object({
      name: z.string(),
      properties: z.object({
        provisioningState: z.string().nullish(),
        instanceView: z.object({ statuses: z.array(z.object({ code: z.string() })).nullish() }).nullish(),
      }),
    }),
  ),
  nextLink: z.string().nullish(),
});
type Machine = z.infer<typeof machines>['value'][number];

/** Whether Azure manages the machines of a set as virtual machines: then the set has no instance view, and none is reimaged. */
export function isFlexible(orchestrationMode: string | null | undefined): boolean {
  return orchestrationMode?.toLowerCase() === 'flexible';
}

/**
 * Lists them: `ask` is `machines.list` of the set's resource group. Source: REST reference, "Virtual Machines - List",
 * which takes this filter alone, and the view of each machine with it.
 */
export async function flexibleMembers(
  setId: string,
  ask: (query: Readonly<Record<string, string>>, next: string | undefined) => Promise<JsonObject>,
): Promise<Members> {
  // Before it is quoted: an id has no quotes, whatever an answer says.
  const query = { $filter: `'virtualMachineScaleSet/id' eq '${setId.replaceAll("'", '')}'`, $expand: 'instanceView' };
  const all: Machine[] = [];
  let next: string | undefined;
  for (let pages = 0; pages < limits.azurePages; pages++) {
    const { value, nextLink } = machines.parse(await ask(query, next));
    all.push(...value);
    next = nextLink ?? undefined;
    if (next === undefined) {
      const bad = all.filter((one) => !isWell(one));
      const said = bad.map((one) =>
        `${one.name}: ${one.properties.provisioningState ?? 'unknown'} ${powerOf(one) ?? ''}`.trim(),
      );
      return { total: all.length, well: all.length - bad.length, said: oneLine(said.join(', '), 300) };
    }
  }
  throw new WatchkeeperError('too-large', 'the scale set has more machines than are read');
}

// Made, and not stopped where its view says whether it runs.
function isWell(one: Machine): boolean {
  const power = powerOf(one);
  return /^succeeded$/i.test(one.properties.provisioningState ?? '') && (power ?? running) === running;
}

const running = 'PowerState/running';

function powerOf({ properties }: Machine): string | undefined {
  return properties.instanceView?.statuses?.find(({ code }) => code.startsWith('PowerState/'))?.code;
}
