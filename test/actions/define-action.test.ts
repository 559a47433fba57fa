import { describe, expect, it } from 'vitest';

import { actionKinds } from '../../src/actions/index.ts';
import type { ActionContext } from '../../src/domain/ports/action.ts';
import type { Service } from '../../src/domain/service.ts';
import type { JsonObject } from '../../src/lib/json.ts';

// What is no parameter of any action: each must refuse it by itself, whoever checked before.
const wrong: JsonObject = { nobodyTakesThis: true };
const nowhere = {} as ActionContext;

describe.each(Object.entries(actionKinds))('%s trusts nobody with its parameters', (kind, action) => {
  const refusal = expect.objectContaining({ code: 'config-invalid', message: expect.stringContaining(kind) as string });
  it('and refuses to look, act, probe or undo with others than it takes', async () => {
    expect(() => action.target(wrong, {} as Service)).toThrow(refusal);
    for (const call of [
      action.observe(wrong, nowhere),
      action.run(wrong, {}, 'key', nowhere),
      action.probe(wrong, {}, nowhere, 'key'),
    ])
      await expect(call).rejects.toEqual(refusal);
  });
});

it('there are actions to ask', () => {
  expect(Object.keys(actionKinds).length).toBeGreaterThan(15);
});
