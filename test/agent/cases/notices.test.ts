import { expect, test } from 'vitest';

import { noticeOf } from '../../../src/agent/cases/index.ts';
import type { Incident } from '../../../src/domain/alert.ts';
import { renderTitle } from '../../../src/chat/index.ts';
import type { Diagnosis } from '../../../src/domain/diagnosis.ts';
import type { Execution } from '../../../src/domain/remediation.ts';
import { limits } from '../../../src/lib/limits.ts';

test('a title is one line, cut with an ellipsis, however long and wide the incident is called', () => {
  const title = 'checkout: '.padEnd(5_000, '☃\n');
  const incident = { id: 'i', title, timeline: [], alerts: [] } as unknown as Incident;
  const notice = noticeOf('suggestion', { incident, alerts: [], atMs: 0 });
  expect(Array.from(notice.title)).toHaveLength(limits.noticeTitleChars);
  expect(notice.title).toMatch(/^Suggestion: checkout: [^\n]*…$/u);
  expect(noticeOf('resolved', { incident: { ...incident, title: 'short' }, alerts: [], atMs: 0 }).title).toBe(
    'Resolved: short',
  );
});

test('people are told what was changed, and why a runbook that is for it cannot be carried out', () => {
  const incident = { id: 'i', title: 'checkout', timeline: [], alerts: [] } as unknown as Incident;
  const diagnosis = {
    changeId: 'c',
    summary: 'The deploy broke it.',
    hypotheses: [{ diff: 'main.image: shop:v1 -> shop:v2' }],
  } as unknown as Diagnosis;
  const blocked = ['raise-memory is for this, but no plan can be made: the cap is 2Gi'];
  const { lines } = noticeOf('nothing-matched', { incident, alerts: [], atMs: 0, diagnosis, blocked });
  expect(lines).toEqual(['The deploy broke it.', 'It changed main.image: shop:v1 -> shop:v2', ...blocked]);
});

test('an act of which nobody can tell whether it helped is not called one that did not help', () => {
  const incident = {
    id: 'i',
    title: 'checkout',
    severity: 'critical',
    timeline: [],
    alerts: [],
  } as unknown as Incident;
  const told = (status: string): string =>
    renderTitle(
      noticeOf('act-failed', { incident, alerts: [], atMs: 0, execution: { status } as unknown as Execution }),
    );
  expect(told('unknown')).toBe('[CRITICAL] Nobody can tell whether an act helped: checkout');
  expect(told('undone')).toBe('[CRITICAL] The act failed: checkout');
});
