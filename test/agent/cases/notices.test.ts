import { expect, test } from 'vitest';

import { noticeOf } from '../../../src/agent/cases/index.ts';
import type { Incident } from '../../../src/domain/alert.ts';
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
