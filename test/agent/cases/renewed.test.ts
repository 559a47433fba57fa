import { expect, test } from 'vitest';

import type { Alert, Incident } from '../../../src/domain/alert.ts';
import type { Diagnosis } from '../../../src/domain/diagnosis.ts';
import { noticeOf, renewed } from '../../../src/agent/cases/notices.ts';

const incident = {
  ...{ id: 'incident-1', status: 'open', severity: 'critical', title: 'checkout: errors', service: 'checkout' },
  ...{ services: ['checkout'], alerts: [], openedAtMs: 0, updatedAtMs: 0, storm: false, mode: 'active', quietForMs: 0 },
  timeline: [],
} as unknown as Incident;
const alert = (reason: string, status = 'firing'): Alert =>
  ({ fingerprint: reason, status, finding: { reason } }) as unknown as Alert;
const diagnosis = (summary: string): Diagnosis => ({ summary, hypotheses: [] }) as unknown as Diagnosis;
const first = noticeOf('nothing-matched', {
  ...{ incident, atMs: 0, alerts: [alert('errors are 40 %, for 15s')], diagnosis: diagnosis('It is not known why.') },
  ...{ suggestions: ['Look at the logs.'], blocked: ['roll-back is for it, and may not'] },
});

test('who is called later is told what is known by then, and all else as it was', () => {
  const now = renewed(first, {
    ...{ incident: { ...incident, services: ['checkout', 'cart'] }, suggestions: ['Take back v3.'] },
    alerts: [alert('errors are 60 %, for 5m'), alert('latency is 2 s, for 1m'), alert('traffic is well', 'resolved')],
    diagnosis: diagnosis('The deploy of v3 broke it.'),
  });
  expect(now.lines).toEqual([
    'errors are 60 %, for 5m',
    'latency is 2 s, for 1m',
    'The deploy of v3 broke it.',
    'roll-back is for it, and may not',
  ]);
  expect(now).toMatchObject({ id: first.id, title: first.title, suggestions: ['Take back v3.'] });
  expect(now.alerts).toHaveLength(2);
  expect(now.incident?.services).toEqual(['checkout', 'cart']);
});

test('renewed twice, it says what is known the second time', () => {
  const once = renewed(first, { incident, alerts: [alert('errors are 60 %')] });
  const twice = renewed(once, { incident, alerts: [alert('errors are 70 %')] });
  expect(twice.lines).toEqual(['errors are 70 %', 'It is not known why.', 'roll-back is for it, and may not']);
});

test('where nothing fires any more, it stays as it was told', () => {
  expect(renewed(first, { incident, alerts: [alert('errors are 0 %', 'resolved')] })).toBe(first);
});

test('one whose first lines are of another making stays as it is', () => {
  const other = { ...first, lines: ['made by an earlier version', ...first.lines] };
  expect(renewed(other, { incident, alerts: [alert('errors are 60 %')] })).toBe(other);
});

test('one that never had suggestions gets none', () => {
  const { suggestions: _, ...plain } = first;
  expect(renewed(plain, { incident, alerts: [alert('x')], suggestions: ['Take back v3.'] })).not.toHaveProperty(
    'suggestions',
  );
});
