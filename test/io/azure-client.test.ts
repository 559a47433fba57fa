import { describe, expect, it } from 'vitest';

import type { AzureCall, AzureOperation } from '../../src/domain/ports/azure.ts';
import type { HttpRequest } from '../../src/domain/ports/io.ts';
import { azureReaders } from '../../src/io/clients/azure/index.ts';
import { reads, writes } from '../../src/io/clients/azure/operations.ts';
import { httpWorld, json, type HttpWorld } from '../support/http-world.ts';

const never = new AbortController().signal;
const id = '11111111-2222-3333-4444-555555555555';
const web = '/resourceGroups/shop/providers/Microsoft.App/containerApps/web';
const look: AzureCall = { operation: 'containerApps.get', on: web };
const tenantId = '99999999-2222-3333-4444-555555555555';

function reader(world: HttpWorld) {
  return azureReaders(world.io).reader({
    ...{ source: 'azure', cloud: 'public', subscriptions: [{ name: 'prod', id }] },
    identity: { clientId: id, tenantId, secret: { env: 'SECRET' } },
  });
}

type Answer = (request: HttpRequest, tries: number) => ReturnType<typeof json> | 'refuse';

/** What a call comes to when every answer of Resource Manager is this one; time passes by itself. */
async function fate(answer: Answer, call = look, token: Answer = () => json(aToken)) {
  let tries = 0;
  const world = httpWorld(
    (request) => (request.url.includes('/oauth2/') ? token(request, 0) : answer(request, ++tries)),
    { SECRET: 'a secret' },
  );
  const pending = reader(world)
    .ask(call, never)
    .then(
      (value) => ({ value }),
      (thrown: unknown) => ({ error: thrown as { code: string; message: string; fix?: string } }),
    );
  const over = { now: false };
  void pending.then(() => (over.now = true));
  for (let turn = 0; turn < 400 && !over.now; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await world.clock.advance(1_000);
  }
  return {
    ...((await pending) as { value?: object; error?: { code: string; message: string; fix?: string } }),
    tries,
    requests: world.requests,
    passedMs: world.clock.monotonicMs(),
  };
}

const aToken = { token_type: 'Bearer', expires_in: 3_600, ext_expires_in: 3_600, access_token: 'a-token' };
const refusal = (code: string, status: number, headers = {}) =>
  json({ error: { code, message: `no: ${code}` } }, status, { 'content-type': 'application/json', ...headers });

const said = (answer: {
  readonly error?: { readonly code: string; readonly message: string; readonly fix?: string };
}) => {
  if (answer.error === undefined) throw new Error('it was answered');
  return answer.error;
};

describe('a reader of Azure', () => {
  it('asks Resource Manager with a token of the identity, at the version of the API that is written down', async () => {
    const { value, requests } = await fate(() => json({ name: 'web' }));
    expect(value).toEqual({ name: 'web' });
    expect(requests.map(({ url }) => new URL(url).host)).toEqual(['login.microsoftonline.com', 'management.azure.com']);
    expect(requests[1]).toMatchObject({
      method: 'GET',
      url: `https://management.azure.com/subscriptions/${id}${web}?api-version=2024-03-01`,
    });
    expect(requests[1]?.headers).toMatchObject({ authorization: 'Bearer a-token' });
    // Our port takes answers as they are.
    expect(Object.keys(requests[1]?.headers ?? {}).map((name) => name.toLowerCase())).not.toContain('accept-encoding');
  });

  it('asks nothing that could change anything', async () => {
    const world = httpWorld(() => json({}));
    for (const operation of Object.keys(writes) as AzureOperation[]) {
      expect(Object.keys(reads)).not.toContain(operation);
      await expect(reader(world).ask({ operation, on: web }, never)).rejects.toMatchObject({ code: 'unsupported' });
    }
    expect(world.requests).toEqual([]);
  });

  for (const [on, why] of [
    [`${web}/../../other`, 'a way out of it'],
    ['/resourceGroups/shop/providers/Microsoft.Web/sites/web', 'a resource of another type'],
    [`${web}/revisions/web--1`, 'something below it'],
    [`${web}?api-version=1`, 'a query of its own'],
    [undefined, 'nothing'],
  ] as const)
    it(`refuses a resource that is ${why}, before anything is asked`, async () => {
      const { requests, ...answer } = await fate(() => json({}), {
        operation: 'containerApps.get',
        ...(on === undefined ? {} : { on }),
      });
      expect(said(answer).code).toBe('config-invalid');
      expect(requests).toEqual([]);
    });

  for (const [name, status, code, words] of [
    ['ExpiredAuthenticationToken', 401, 'unauthorized', 'the token has expired'],
    ['InvalidAuthenticationToken', 401, 'unauthorized', 'no credentials that Azure accepts'],
    ['AuthorizationFailed', 403, 'forbidden', 'AuthorizationFailed'],
    ['ResourceNotFound', 404, 'not-found', 'ResourceNotFound'],
    ['ContainerAppOperationInProgress', 409, 'conflict', 'ContainerAppOperationInProgress'],
    ['MissingSubscriptionRegistration', 409, 'config-invalid', 'MissingSubscriptionRegistration'],
    ['TooManyRequests', 429, 'rate-limited', 'TooManyRequests'],
    ['InvalidApiVersionParameter', 400, 'config-invalid', 'InvalidApiVersionParameter'],
    ['ServiceUnavailable', 503, 'unreachable', 'ServiceUnavailable'],
  ] as const)
    it(`says ${code} of ${name}, where it was and what to do`, async () => {
      const error = said(await fate(() => refusal(name, status)));
      expect(error.code).toBe(code);
      expect(error.message).toContain('Azure containerApps.get of web');
      expect(error.message).toContain(words);
    });

  it('says that the clocks differ when the token is not valid yet by the clock of Azure', async () => {
    const other = new Date(1_767_225_600_000 - 3_600_000).toUTCString();
    const error = said(await fate(() => refusal('InvalidAuthenticationToken', 401, { date: other })));
    expect(error).toMatchObject({ code: 'unauthorized', fix: expect.stringContaining('NTP') as string });
  });

  for (const [description, words] of [
    ['AADSTS7000215: Invalid client secret provided.', 'no credentials that Azure accepts'],
    ["AADSTS7000222: The provided client secret keys for app 'x' are expired.", 'the credentials have expired'],
    ['AADSTS700024: Client assertion is not within its valid time range.', 'the clock of this machine'],
  ] as const)
    it(`says what the authority had to say: ${description.slice(0, 13)}`, async () => {
      const body = { error: 'invalid_client', error_description: description, error_codes: [7] };
      const error = said(
        await fate(
          () => json({}),
          look,
          () => json(body, 401),
        ),
      );
      expect(error.code).toBe('unauthorized');
      expect(error.message).toContain(words);
    });

  it('says that the authority cannot be reached, and not that the credentials are wrong', async () => {
    const error = said(
      await fate(
        () => json({}),
        look,
        () => 'refuse',
      ),
    );
    expect(error.code).toBe('unreachable');
  });

  it('tries again what may come out otherwise, and nothing else', async () => {
    const flaky = await fate((_request, tries) =>
      tries < 3 ? refusal('InternalServerError', 500) : json({ name: 'web' }),
    );
    expect(flaky).toMatchObject({ value: { name: 'web' }, tries: 3 });
    expect((await fate(() => refusal('InternalServerError', 500))).tries).toBe(3);
    expect((await fate(() => 'refuse')).tries).toBe(3);
    expect((await fate(() => refusal('AuthorizationFailed', 403))).tries).toBe(1);
    const stale = await fate((_request, tries) =>
      tries < 2 ? refusal('ExpiredAuthenticationToken', 401) : json({ name: 'web' }),
    );
    expect(stale).toMatchObject({ value: { name: 'web' }, tries: 2 });
    expect(stale.requests.filter(({ url }) => url.includes('/oauth2/'))).toHaveLength(2);
  });

  it('waits as long as Azure asks it to, and when that is long says so instead', async () => {
    const short = await fate((_request, tries) =>
      tries < 2 ? refusal('TooManyRequests', 429, { 'retry-after': '11' }) : json({ name: 'web' }),
    );
    expect(short.value).toEqual({ name: 'web' });
    expect(short.passedMs).toBeGreaterThanOrEqual(11_000);
    let asked = 0;
    const world = httpWorld(
      (request) =>
        request.url.includes('/oauth2/')
          ? json(aToken)
          : (asked++, refusal('TooManyRequests', 429, { 'retry-after': '300' })),
      { SECRET: 'a secret' },
    );
    const one = reader(world);
    await expect(one.ask(look, never)).rejects.toMatchObject({ code: 'rate-limited' });
    await expect(one.ask(look, never)).rejects.toMatchObject({ message: expect.stringContaining('300 s') as string });
    expect(asked).toBe(1);
    await world.clock.advance(301_000);
    await expect(one.ask(look, never)).rejects.toMatchObject({ code: 'rate-limited' });
    expect(asked).toBe(2);
  });

  it('slows down while the budget is nearly used up, before it is throttled', async () => {
    const world = httpWorld(
      (request) =>
        request.url.includes('/oauth2/')
          ? json(aToken)
          : json({ name: 'web' }, 200, { 'x-ms-ratelimit-remaining-subscription-reads': '1' }),
      { SECRET: 'a secret' },
    );
    const one = reader(world);
    await one.ask(look, never);
    const second = one.ask(look, never);
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(world.clock.sleepers).toBe(1);
    await world.clock.advance(5_000);
    expect(await second).toEqual({ name: 'web' });
  });

  it('follows the link to more at the same address, and to no other', async () => {
    const more = 'https://management.azure.com/subscriptions/x?api-version=2015-04-01&%24skipToken=abc';
    const listed = await fate(() => json({ value: [] }), { operation: 'activityLog.list', next: more });
    expect(listed.requests[1]?.url).toBe(
      `https://management.azure.com/subscriptions/${id}/providers/Microsoft.Insights/eventtypes/management/values?api-version=2015-04-01&%24skipToken=abc`,
    );
    const away = await fate(() => json({ value: [] }), {
      operation: 'activityLog.list',
      next: 'https://evil.test/?x=1',
    });
    expect(said(away).code).toBe('malformed');
    expect(away.requests.filter(({ url }) => url.includes('evil'))).toEqual([]);
  });

  it('does not take what is no answer of Azure for one', async () => {
    const page = {
      status: 200,
      headers: { 'content-type': 'text/html' },
      body: new TextEncoder().encode('<html>who?</html>'),
    };
    expect(said(await fate(() => page)).code).toBe('malformed');
    expect(said(await fate(() => ({ ...page, headers: { 'content-type': 'application/json' } }))).code).toBe(
      'malformed',
    );
  });

  it('counts calls, and reckons metrics at one for each resource and metric', async () => {
    const world = httpWorld((request) => (request.url.includes('/oauth2/') ? json(aToken) : json({ values: [] })), {
      SECRET: 'a secret',
    });
    const one = reader(world);
    const body = { resourceids: ['a', 'b', 'c'] };
    await one.ask({ operation: 'metrics.batch', region: 'westeurope', query: { metricnames: 'x,y' }, body }, never);
    expect(world.requests.at(-1)?.url).toMatch(/^https:\/\/westeurope\.metrics\.monitor\.azure\.com\//);
    expect(one.use().calls).toEqual({ 'metrics.batch': 1 });
    expect(one.use().dollars).toBeCloseTo(0.00006, 9);
  });
});
