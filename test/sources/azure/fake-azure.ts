import type { AzureCall, AzureReader } from '../../../src/domain/ports/azure.ts';
import type { ReaderIo } from '../../../src/domain/ports/io.ts';
import type { Service } from '../../../src/domain/service.ts';
import { costOf } from '../../../src/io/clients/azure/cost.ts';
import { createTally } from '../../../src/io/clients/cloud/tally.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { azureConfig, type AzureConfig } from '../../../src/sources/azure/schema.ts';
import { createAzureSource } from '../../../src/sources/azure/source.ts';
import { httpWorld } from '../../support/http-world.ts';

/** The subscription of these tests. */
export const subscriptionId = '11111111-2222-3333-4444-555555555555';

/** An Azure that answers as a test says, and remembers what it was asked. */
export function fakeAzure(
  answer: (call: AzureCall) => JsonObject | Error,
): AzureReader & { readonly asked: AzureCall[] } {
  const tally = createTally();
  const asked: AzureCall[] = [];
  return {
    asked,
    ask: (call) => {
      asked.push(call);
      tally.count(call.operation, costOf(call));
      const said = answer(call);
      return said instanceof Error ? Promise.reject(said) : Promise.resolve(said);
    },
    use: () => tally.use(),
    close: () => undefined,
  };
}

/** A source's configuration. */
export function configOf(more: JsonObject = {}): AzureConfig {
  const parsed = azureConfig.parse({ subscriptions: [{ name: 'prod', id: subscriptionId }], ...more });
  if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
  return parsed.value;
}

/** A source over such an Azure, on a virtual clock. */
export function sourceOver(answer: (call: AzureCall) => JsonObject | Error, more: JsonObject = {}) {
  const world = httpWorld(() => 'refuse');
  const azure = fakeAzure(answer);
  const io: ReaderIo = { ...world.io, azure: { reader: () => azure } };
  return { source: createAzureSource('azure', configOf(more), io), clock: world.clock, asked: azure.asked };
}

/** A Container App called `web` as a service. */
export const webApp: Service = {
  ...{ name: 'web', labels: {}, owner: { team: 'shop', escalate: 'default' }, dependsOn: [] },
  runsOn: [
    {
      on: 'azure',
      azure: {
        ...{ source: 'azure', region: 'westeurope', resourceGroup: 'shop' },
        resource: { is: 'container-app', name: 'web' },
      },
    },
  ],
  ...{ telemetry: {}, slos: [], origin: 'declared' },
};
