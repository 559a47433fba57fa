import { describe, expect, it } from 'vitest';

import { actionKinds } from '../../src/actions/index.ts';
import { parseRunbook } from '../../src/runbooks/index.ts';
import type { Json } from '../../src/lib/json.ts';
import { filesBelow, importsOf, textOf } from './tree.ts';

const actions = new Map(Object.entries(actionKinds));

function runbook(step: Readonly<Record<string, Json>>) {
  return parseRunbook(
    {
      apiVersion: 'watchkeeper.dev/v1alpha1',
      kind: 'Runbook',
      metadata: { name: 'r', labels: {} },
      spec: {
        summary: 'Restart it',
        when: 'true',
        steps: [{ id: 'one', do: 'host.service-restart', ...step }],
        verify: [{ expect: 'up >= 1', within: '5m' }],
        onFail: ['escalate'],
      },
    },
    { actions },
  );
}

describe('risk traits come from code (I7)', () => {
  it('a runbook that says nothing of them has those of its actions', () => {
    const parsed = runbook({});
    expect(parsed.ok && parsed.value.steps[0]?.traits).toEqual(actionKinds['host.service-restart']?.traits);
  });
  it.each([
    ['traits', { traits: { reversible: true } }],
    ['reversible', { reversible: true }],
    ['idempotent', { idempotent: true }],
    ['scope', { scope: 'process' }],
  ])('a runbook that claims %s is refused', (_key, step) => {
    expect(runbook(step).ok).toBe(false);
  });
});

describe('only one hand acts', () => {
  it('nothing but the executor runs an action or its undo', () => {
    const runs = filesBelow('src').filter((file) => /\bkind\.(run|undo)\(/.test(textOf(file)));
    expect(runs).toEqual(['src/agent/executor/attempt.ts', 'src/agent/executor/undo.ts']);
  });
  it('an operator’s io is made in one place, and handed to actions only', () => {
    const made = filesBelow('src').filter((file) => textOf(file).includes('makeOperatorIo('));
    expect(made.filter((file) => !file.startsWith('src/io/'))).toEqual(['src/agent/lead.ts']);
    const named = filesBelow('src').filter((file) => /\bOperatorIo\b/.test(textOf(file)));
    const rooms = new Set(named.map((file) => file.split('/')[1]));
    expect([...rooms].filter((room) => !['actions', 'agent', 'domain', 'io'].includes(room ?? ''))).toEqual([]);
  });
  it('actions are known to the agent alone', () => {
    const users = filesBelow('src').filter((file) => importsOf(file).some((one) => one.startsWith('src/actions/')));
    expect(users.filter((file) => !file.startsWith('src/actions/') && !file.startsWith('src/agent/'))).toEqual([]);
  });
});
