import { describe, expect, it } from 'vitest';

import type { JsonObject } from '../../../src/lib/json.ts';
import { sourceOver, subscriptionId, webApp } from './fake-azure.ts';

const never = new AbortController().signal;
const minute = 60_000;
const site = `/subscriptions/${subscriptionId}/resourceGroups/shop/providers/Microsoft.Web/sites/pay`;
const place = { source: 'azure', region: 'westeurope', resourceGroup: 'shop' };
const pay = {
  ...{ ...webApp, name: 'pay' },
  runsOn: [{ on: 'azure', azure: { ...place, resource: { is: 'web-app', name: 'pay' } } }],
} as const;

function world() {
  const app = { image: 'shop/pay:v1', activity: [] as JsonObject[] };
  const { source, clock } = sourceOver(({ operation }) => {
    if (operation === 'webApps.get')
      return { properties: { state: 'Running', siteConfig: { linuxFxVersion: `DOCKER|${app.image}` } } };
    return operation === 'activityLog.list' ? { value: [...app.activity] } : { value: [], data: [] };
  });
  const look = async () => {
    const untilMs = clock.nowMs();
    const request = { fromMs: untilMs - 5 * minute, untilMs, stepMs: minute, signals: [], services: [pay] };
    return (await source.collect({ ...request, mode: 'live' }, never)).changes;
  };
  const call = (operation: string, below = ''): void => {
    const atMs = clock.nowMs();
    app.activity.push({
      ...{ eventDataId: `e${atMs}${below}`, correlationId: `c${atMs}${below}`, resourceId: `${site}${below}` },
      ...{ caller: 'ana@example.org', category: { value: 'Administrative' }, status: { value: 'Succeeded' } },
      ...{ operationName: { value: operation }, eventTimestamp: new Date(atMs).toISOString() },
    });
  };
  return { app, clock, look, call };
}

describe('a swap of App Service', () => {
  it('is a change of its own when both slots have the same content: once, and not before a move could be seen', async () => {
    const { clock, look, call } = world();
    await look();
    call('Microsoft.Web/sites/slotsswap/action');
    const atMs = clock.nowMs();
    for (let passed = 0; passed < 9; passed++) {
      await clock.advance(minute);
      expect(await look()).toEqual([]);
    }
    await clock.advance(2 * minute);
    expect(await look()).toMatchObject([
      {
        kind: 'deploy',
        what: 'webapp/pay',
        to: 'microsoft.web/sites/slotsswap/action',
        actor: 'ana@example.org',
        atMs,
      },
    ]);
    await clock.advance(20 * minute);
    expect(await look()).toEqual([]);
  });

  it('is only who did it when its content is seen to move', async () => {
    const { app, clock, look, call } = world();
    await look();
    call('Microsoft.Web/sites/slotsswap/action');
    await clock.advance(minute);
    app.image = 'shop/pay:v2';
    expect(await look()).toMatchObject([{ from: 'shop/pay:v1', to: 'shop/pay:v2', actor: 'ana@example.org' }]);
    await clock.advance(20 * minute);
    expect(await look()).toEqual([]);
  });

  it('that was before the first look is told, and a deploy to a slot is none of the app', async () => {
    const { clock, look, call } = world();
    call('Microsoft.Web/sites/slots/deployments/write', '/slots/staging/deployments/d1');
    call('Microsoft.Web/sites/deployments/write', '/deployments/d2');
    await clock.advance(30 * minute);
    expect((await look()).map(({ to }) => to)).toEqual(['microsoft.web/sites/deployments/write']);
    expect(await look()).toEqual([]);
  });
});
