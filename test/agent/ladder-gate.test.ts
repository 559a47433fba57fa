import { describe, expect, it } from 'vitest';

import { createGate } from '../../src/agent/ladder-gate.ts';

/** Work that ends when it is let go. */
function held(began: string[], name: string) {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  return { work: () => (began.push(name), promise), letGo: () => resolve(undefined) };
}

describe('the gate of a channel', () => {
  it('lets so many through at once and the others in the order in which they came, and holds up no other channel', async () => {
    const gate = createGate();
    const began: string[] = [];
    const works = ['a', 'b', 'c', 'd'].map((name) => held(began, name));
    const passed = works.map(({ work }) => gate.pass('mail', 2, work));
    const other = held(began, 'chat');
    const aside = gate.pass('slack', 2, other.work);
    await Promise.resolve();
    expect(began).toEqual(['a', 'b', 'chat']);
    works[1]?.letGo();
    await passed[1];
    await Promise.resolve();
    expect(began).toEqual(['a', 'b', 'chat', 'c']);
    for (const { letGo } of [...works, other]) letGo();
    await Promise.all([...passed, aside]);
    expect(began).toEqual(['a', 'b', 'chat', 'c', 'd']);
  });

  it('gives the place of whoever failed to the next', async () => {
    const gate = createGate();
    await expect(gate.pass('mail', 1, () => Promise.reject(new Error('boom')))).rejects.toThrow('boom');
    expect(await gate.pass('mail', 1, () => Promise.resolve('through'))).toBe('through');
  });
});
