import { beforeEach, describe, expect, test } from 'vitest';

import { accountTokens, type AccountTokens } from '../../../src/io/clients/kubernetes/service-account.ts';
import type { KubernetesCall, KubernetesTransport } from '../../../src/io/clients/kubernetes/transport.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import { virtualClock, type VirtualClock } from '../../support/virtual-clock.ts';

const minuteMs = 60_000;

let clock: VirtualClock;
let asked: KubernetesCall[];
let fault: WatchkeeperError | undefined;
let seconds: number | undefined;
let tokens: AccountTokens;

beforeEach(() => {
  clock = virtualClock();
  [asked, fault, seconds] = [[], undefined, undefined];
  const own: Pick<KubernetesTransport, 'call'> = {
    call: (call) => {
      asked.push(call);
      if (fault !== undefined) return Promise.reject(fault);
      const spec = { expirationSeconds: seconds ?? 900 };
      return Promise.resolve(JSON.stringify({ spec, status: { token: `token-${asked.length}` } }));
    },
  };
  tokens = accountTokens(own as KubernetesTransport, { namespace: 'watch', name: 'hand' }, clock);
});

describe('tokens of another ServiceAccount', () => {
  test('are asked of the API server, for a quarter of an hour, and once for all that ask together', async () => {
    expect(await Promise.all([tokens.get(), tokens.get(), tokens.get()])).toEqual(['token-1', 'token-1', 'token-1']);
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({
      method: 'POST',
      path: '/api/v1/namespaces/watch/serviceaccounts/hand/token',
    });
    expect(JSON.parse(asked[0]?.body ?? '')).toMatchObject({ kind: 'TokenRequest', spec: { expirationSeconds: 900 } });
  });

  test('are followed by the next before they end', async () => {
    await tokens.get();
    await clock.advance(11 * minuteMs);
    expect(await tokens.get()).toBe('token-1');
    await clock.advance(2 * minuteMs);
    expect(await tokens.get()).toBe('token-2');
  });

  test('live as long as the server says, where it shortens what was asked for', async () => {
    seconds = 60;
    await tokens.get();
    await clock.advance(50_000);
    expect(await tokens.get()).toBe('token-2');
  });

  test('serve until they end while the server does not answer, and not after', async () => {
    await tokens.get();
    fault = new WatchkeeperError('unreachable', 'nobody there');
    await clock.advance(13 * minuteMs);
    expect(await tokens.get()).toBe('token-1');
    await clock.advance(2 * minuteMs);
    await expect(tokens.get()).rejects.toThrow('nobody there');
    fault = undefined;
    expect(await tokens.get()).toMatch(/^token-/);
  });

  test('that the server no longer knows are not used again', async () => {
    await tokens.get();
    tokens.refused();
    expect(await tokens.get()).toBe('token-2');
    fault = new WatchkeeperError('forbidden', 'you may not create serviceaccounts/token');
    tokens.refused();
    await expect(tokens.get()).rejects.toMatchObject({ code: 'forbidden' });
  });

  test('are never made up from an answer without one', async () => {
    const own = { call: () => Promise.resolve('{"status":{}}') } as unknown as KubernetesTransport;
    const none = accountTokens(own, { namespace: 'watch', name: 'hand' }, clock);
    await expect(none.get()).rejects.toMatchObject({ code: 'malformed' });
  });
});
