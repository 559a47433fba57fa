import { describe, expect, it } from 'vitest';

import { createTurns } from '../../../../src/io/clients/ssh/turns.ts';
import { virtualClock } from '../../../support/virtual-clock.ts';

const never = (): AbortSignal => new AbortController().signal;

describe('turns', () => {
  it('are out at most so many at once, and go to who came first', async () => {
    const turns = createTurns(virtualClock(), 2, 1_000);
    const began: string[] = [];
    const take = async (name: string): Promise<() => void> => {
      const back = await turns.take(never());
      began.push(name);
      return back;
    };
    const [first] = await Promise.all([take('a'), take('b')]);
    const others = [take('c'), take('d')];
    expect(began).toEqual(['a', 'b']);
    first();
    first();
    await others[0];
    await Promise.resolve();
    expect(began).toEqual(['a', 'b', 'c']);
  });

  it('keep nobody waiting for longer than a turn is lent, whatever becomes of who holds it', async () => {
    const clock = virtualClock();
    const turns = createTurns(clock, 1, 1_000);
    const kept = await turns.take(never());
    let began = false;
    const next = turns.take(never()).then(() => (began = true));
    await clock.advance(999);
    expect(began).toBe(false);
    await clock.advance(1);
    await next;
    let third = false;
    void turns.take(never()).then(() => (third = true));
    // Given back too late: it was counted back already.
    kept();
    await Promise.resolve();
    expect(third).toBe(false);
  });

  it('are not given to who has left', async () => {
    const turns = createTurns(virtualClock(), 1, 1_000);
    const back = await turns.take(never());
    const leaving = new AbortController();
    const left = turns.take(leaving.signal);
    const stays = turns.take(never());
    leaving.abort();
    await expect(left).rejects.toMatchObject({ code: 'aborted' });
    back();
    await stays;
    await expect(turns.take(AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' });
  });
});
