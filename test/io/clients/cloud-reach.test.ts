import { describe, expect, it } from 'vitest';

import { reachAll } from '../../../src/io/clients/cloud/reach.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';

const fails = (error: WatchkeeperError) => () => Promise.reject(error);

async function said(...asks: readonly (() => Promise<unknown>)[]): Promise<WatchkeeperError | undefined> {
  const places = asks.map((ask, index) => ({ name: `place-${index}`, ask }));
  try {
    await reachAll('clouds', places, 'Check the credentials.');
    return undefined;
  } catch (thrown) {
    return WatchkeeperError.from(thrown);
  }
}

describe('whether a cloud can be read', () => {
  it('is silent when every place answers', async () => {
    expect(await said(() => Promise.resolve(1))).toBeUndefined();
  });

  it('names the first place that refuses, how many others do, and what to do', async () => {
    const refused = fails(new WatchkeeperError('unauthorized', 'no'));
    const error = await said(() => Promise.resolve(1), refused, refused, refused);
    expect(error).toMatchObject({ code: 'unauthorized', message: 'source clouds, place-1 (and in 2 more): no' });
    expect(error?.fix).toBe('Check the credentials.');
  });

  it('sends nobody to the credentials when nothing answers', async () => {
    for (const code of ['unreachable', 'timeout'] as const)
      expect((await said(fails(new WatchkeeperError(code, 'connect ECONNREFUSED'))))?.fix).toBe(
        'Check the network, a proxy and the endpoint of source clouds.',
      );
  });

  it('keeps what the error itself says is to be done', async () => {
    const own = new WatchkeeperError('unreachable', 'no', { fix: 'Wait.' });
    expect((await said(fails(own)))?.fix).toBe('Wait.');
  });
});
