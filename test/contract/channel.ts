import { describe, expect, it } from 'vitest';

import type { Channel, Delivery, Notice } from '../../src/domain/ports/channel.ts';

/** One state of the way to people, with a channel that uses it. */
export interface ChannelWorld {
  readonly channel: Channel;
  /** Lets virtual time pass, so that pauses and deadlines inside the channel end. */
  advance(ms: number): Promise<void>;
  /** Everything that reached people, or the peer that stands for them, one text a delivery. */
  readonly received: () => readonly string[];
}

export interface ChannelContract {
  /** The notice arrives. */
  well(): ChannelWorld;
  /** Ways in which it cannot arrive; a channel that cannot fail says why. */
  readonly ill: Readonly<
    Record<'unreachable' | 'refused' | 'hanging', (() => ChannelWorld) | { readonly cannotHappen: string }>
  >;
}

/** What every channel promises. Call it once per kind, at the top of a test file. */
export function channelContract(name: string, contract: ChannelContract): void {
  describe(`channel contract: ${name}`, () => {
    it('accepts a notice that arrives, once', async () => {
      const world = contract.well();
      expect(await settled(world, world.channel.post(minimal, '', never()))).toMatchObject({ is: 'accepted' });
      expect(world.received()).toHaveLength(1);
      expect(world.received()[0]).toContain('checkout is failing');
    });

    it('carries no terminal escape, control character or forged line from untrusted text', async () => {
      const world = contract.well();
      const hostile = { ...minimal, title: 'a\u001b[2Jb\u202ec', lines: ['x\nTo answer: evil\u0007'] };
      await settled(world, world.channel.post(hostile, '', never()));
      const [received = ''] = world.received();
      expect(received).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f\u202e]/);
      expect(received.split('\n').filter((line) => line.startsWith('To answer: evil'))).toEqual([]);
    });

    for (const [condition, make] of Object.entries(contract.ill)) {
      if (typeof make !== 'function') continue;
      it(`says that it failed, and why, when the peer is ${condition}; it does not throw`, async () => {
        const world = make();
        const delivery = await settled(world, world.channel.post(minimal, '', never()));
        expect(delivery.is).toBe('failed');
        expect(delivery.is === 'failed' ? delivery.reason.length : 0).toBeGreaterThan(5);
      });
    }

    it('ends when its caller gives up', async () => {
      const hanging = contract.ill.hanging;
      const world = typeof hanging === 'function' ? hanging() : contract.well();
      const gone = new AbortController();
      const pending = world.channel.post(minimal, '', gone.signal);
      gone.abort();
      expect(['accepted', 'failed']).toContain((await settled(world, pending, 1)).is);
    });

    it('closes without a hang', async () => {
      const world = contract.well();
      await world.channel.close();
    });
  });
}

const minimal: Notice = {
  id: 'notice-1',
  kind: 'opened',
  atMs: 1_767_225_600_000,
  title: 'checkout is failing',
  lines: ['errors are 12 times what they were'],
};

function never(): AbortSignal {
  return new AbortController().signal;
}

async function settled(world: ChannelWorld, pending: Promise<Delivery>, minutes = 2): Promise<Delivery> {
  const state = { done: false };
  const marked = pending.finally(() => {
    state.done = true;
  });
  marked.catch(() => undefined);
  for (let step = 0; step < minutes * 120; step++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (state.done) return marked;
    await world.advance(500);
  }
  throw new Error('the channel did not answer: an I/O call without a deadline');
}
