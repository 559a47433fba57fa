import { expect, test } from 'vitest';

import { gatherEvidence } from '../../../src/agent/cases/evidence.ts';
import { createLogBook } from '../../../src/agent/logbook.ts';
import { createSpanBook } from '../../../src/agent/spanbook.ts';
import type { Watch } from '../../../src/agent/watch.ts';
import { emptyCatalog } from '../../../src/catalog/index.ts';
import type { Incident } from '../../../src/domain/alert.ts';
import type { Collected, Source } from '../../../src/domain/ports/source.ts';
import type { Service } from '../../../src/domain/service.ts';
import type { Span } from '../../../src/domain/telemetry.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

const day = 86_400_000;
const t0 = Date.UTC(2026, 10, 28);
const incident = {
  ...{ id: 'i', status: 'open', severity: 'critical', title: 'x', service: 'web', services: ['web'], alerts: [] },
  ...{ openedAtMs: t0 + day, updatedAtMs: t0 + day, timeline: [] },
} as unknown as Incident;
const web: Service = {
  ...{ name: 'web', labels: {}, owner: { team: 'shop', escalate: 'default' }, dependsOn: [], runsOn: [] },
  ...{ telemetry: {}, slos: [], origin: 'declared', traces: [{ source: 'store', query: {} }] },
};
const span: Span = {
  ...{ traceId: 't', spanId: 's', service: 'web', name: 'GET', startMs: t0 + day - 1_000, durationMs: 5 },
  ...{ status: 'error', attributes: {} },
};
const nothing: Collected = { series: [], logs: [], changes: [], resources: [], findings: [], gaps: [] };

/** A watch that has been running for a day: its window covers all that a diagnosis looks at. */
function runningWatch(source: Partial<Source>) {
  const asked: (readonly Service[])[] = [];
  const clock = virtualClock(t0 + day);
  const sample = { tMs: t0, v: 1 };
  const held = { ...{ key: 'k', source: 'other', service: 'web', signal: 'errors', labels: {}, unit: '1' } };
  const watch = {
    ...{ clock, state: () => ({ alerts: [] }), signal: new AbortController().signal },
    catalog: () => ({ ...emptyCatalog, services: [web] }),
    changes: { all: () => [], of: () => [], recent: () => [] },
    window: { read: () => [{ ...held, nature: 'ratio', samples: [sample] }] },
    settings: { diagnosisDeadlineMs: 1_000 },
    liveSources: () => [{ id: 'store', traits: { logs: false, traces: true }, ...source }],
    sources: {
      statuses: () => [{ id: 'store', startedMs: t0, gaps: [] }],
      history: (_source: Source, { services }: { readonly services: readonly Service[] }) => {
        asked.push(services);
        return Promise.resolve({ ...nothing, spans: [span] });
      },
    },
  } as unknown as Watch;
  const books = { logbook: createLogBook(), spanbook: createSpanBook() };
  return { asked, read: () => gatherEvidence(watch, books, incident) };
}

test('what a source reads live is in the books, and is not asked for while somebody waits', async () => {
  const { asked, read } = runningWatch({});
  expect((await read()).spans).toEqual([]);
  expect(asked).toEqual([]);
});

test('what a source never reads live is searched for at each diagnosis, and nothing else is asked of it', async () => {
  const part = { ...web, telemetry: {}, logs: [] };
  const { asked, read } = runningWatch({ searched: ({ name }) => (name === 'web' ? part : undefined) });
  expect((await read()).spans).toEqual([span]);
  expect(asked).toEqual([[part]]);
});
