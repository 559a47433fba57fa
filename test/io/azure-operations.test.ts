import { ContainerAppsAPIClient } from '@azure/arm-appcontainers';
import { WebSiteManagementClient } from '@azure/arm-appservice';
import { createHttpHeaders, type PipelineRequest } from '@azure/core-rest-pipeline';
import { describe, expect, it } from 'vitest';

import type { AzureOperation } from '../../src/domain/ports/azure.ts';
import { operationOf, pathOf, reads, writes } from '../../src/io/clients/azure/operations.ts';
import {
  publishedAlert,
  publishedFor,
  publishedOn,
  publishedOperations,
  publishedWorkspace,
} from '../support/azure/published-operations.ts';

const id = '11111111-2222-3333-4444-555555555555';
const app = '/resourceGroups/shop/providers/Microsoft.App/containerApps/web';
const site = '/resourceGroups/shop/providers/Microsoft.Web/sites/web';

/** What Microsoft's own clients send for the same thing, made of the published definitions of the APIs. */
async function sent(ask: (options: object) => Promise<unknown>): Promise<string> {
  const requests: PipelineRequest[] = [];
  const httpClient = {
    sendRequest: (request: PipelineRequest) => {
      requests.push(request);
      return Promise.resolve({ request, status: 200, headers: createHttpHeaders(), bodyAsText: '{"value":[]}' });
    },
  };
  // Waiting for what a write sets going is none of it.
  await Promise.race([
    ask({ httpClient, retryOptions: { maxRetries: 0 } }),
    new Promise((done) => setTimeout(done, 2_000)),
  ]);
  const [first] = requests;
  return `${first?.method ?? ''} ${new URL(first?.url ?? 'x:').pathname}`;
}

const credential = { getToken: () => Promise.resolve({ token: 'x', expiresOnTimestamp: Date.now() + 3_600_000 }) };
const apps = (options: object) => new ContainerAppsAPIClient(credential, id, options);
const sites = (options: object) => new WebSiteManagementClient(credential, id, options);
const first = async (list: AsyncIterable<unknown>): Promise<void> => {
  for await (const _one of list) return;
};

describe('the table of calls', () => {
  const theirs: readonly [AzureOperation, string, (options: object) => Promise<unknown>][] = [
    ['containerApps.get', app, (options) => apps(options).containerApps.get('shop', 'web')],
    [
      'containerApps.revisions',
      app,
      (options) => first(apps(options).containerAppsRevisions.listRevisions('shop', 'web')),
    ],
    [
      'containerApps.update',
      app,
      async (options) => apps(options).containerApps.update('shop', 'web', { location: 'x' }),
    ],
    [
      'revisions.activate',
      app,
      (options) => apps(options).containerAppsRevisions.activateRevision('shop', 'web', 'web--1'),
    ],
    ['webApps.get', site, (options) => sites(options).webApps.get('shop', 'web')],
    ['webApps.deployments', site, (options) => first(sites(options).webApps.listDeployments('shop', 'web'))],
    [
      'webApps.swap',
      site,
      async (options) =>
        sites(options).webApps.swapSlotWithProduction('shop', 'web', { targetSlot: 'staging', preserveVnet: true }),
    ],
    ['webApps.restart', site, (options) => sites(options).webApps.restart('shop', 'web')],
  ];
  for (const [operation, on, ask] of theirs)
    it(`says of ${operation} what Microsoft's own client sends`, async () => {
      const path = pathOf({ operation, on, path: { revision: 'web--1' } }, id);
      expect(`${operationOf(operation).method} ${path}`.toLowerCase()).toBe((await sent(ask)).toLowerCase());
    });

  it.each(publishedOperations.map((one) => [one.operation, one] as const))(
    'says of %s what Microsoft has published: method, path, and a version that has it',
    (operation, { method, path, versions }) => {
      const on = publishedOn[operation.split('.')[0] ?? ''];
      const call = {
        operation,
        path: { workspace: publishedWorkspace, alert: publishedAlert },
        ...(on === undefined ? {} : { on }),
      };
      const { apiVersion, method: ours } = operationOf(operation);
      expect(`${ours} ${pathOf(call, publishedFor)}`.toLowerCase()).toBe(`${method} ${path}`.toLowerCase());
      if (versions.length === 0) expect(apiVersion).toBeUndefined();
      else expect(versions).toContain(apiVersion);
    },
  );

  it('has no call that is compared with nothing', () => {
    const compared = [...theirs.map(([operation]) => operation), ...publishedOperations.map((one) => one.operation)];
    expect(compared.sort()).toEqual([...Object.keys(reads), ...Object.keys(writes)].sort());
  });

  it('names for each the right that it takes, and for no read a right to write', () => {
    for (const { permission } of Object.values(reads)) expect(permission).toMatch(/^Microsoft\.[\w.]+(\/\w+)+\/read$/);
    for (const { permission } of Object.values(writes))
      expect(permission).toMatch(/^Microsoft\.[\w.]+(\/\w+)*\/(write|action)$/);
  });
});
