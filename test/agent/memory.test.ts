import { describe, expect, it } from 'vitest';

import { createCaseFiles } from '../../src/agent/cases/file-store.ts';
import { createChangeLog } from '../../src/agent/changes.ts';
import { createLogBook } from '../../src/agent/logbook.ts';
import { createSpanBook } from '../../src/agent/spanbook.ts';
import { createWindow } from '../../src/agent/window.ts';
import type { Change } from '../../src/domain/change.ts';
import { seriesKey, type Sample, type Series } from '../../src/domain/telemetry.ts';
import { limits } from '../../src/lib/limits.ts';
import { diskLedger, diskStore, emptyDisk } from '../support/memory-store.ts';
import { virtualClock } from '../support/virtual-clock.ts';

const hour = 3_600_000;

function series(service: string, samples: readonly Sample[], labels: Readonly<Record<string, string>> = {}): Series {
  return {
    key: seriesKey(service, 'errors', labels),
    source: 's',
    service,
    signal: 'errors',
    labels,
    unit: 'ratio',
    nature: 'ratio',
    samples,
  };
}
const at = (from: number, count: number): readonly Sample[] =>
  Array.from({ length: count }, (_, index) => ({ tMs: (from + index) * 1_000, v: from + index }));

describe('the window', () => {
  it('gives back only what is new, so that overlapping reads count once', () => {
    const window = createWindow(hour);
    expect(window.add([series('a', at(1, 5))])[0]?.samples).toHaveLength(5);
    expect(window.add([series('a', at(3, 5))])[0]?.samples.map((sample) => sample.v)).toEqual([6, 7]);
    expect(window.add([series('a', at(3, 5))])).toEqual([]);
  });
  it('keeps the newest samples of each series and stays within its bound', () => {
    const window = createWindow(hour);
    window.add([series('a', at(1, limits.windowSamplesPerSeries + 100))]);
    const [kept] = window.read({ fromMs: 0, untilMs: Infinity });
    expect(kept?.samples).toHaveLength(limits.windowSamplesPerSeries);
    expect(kept?.samples.at(-1)?.v).toBe(limits.windowSamplesPerSeries + 100);
  });
  it('turns series away when it is full, and says how many', () => {
    const window = createWindow(hour, 2);
    window.add([series('a', at(1, 1)), series('b', at(1, 1)), series('c', at(1, 1))]);
    expect([window.seriesCount, window.refused]).toEqual([2, 1]);
  });
  it('drops what is not a number', () => {
    expect(
      createWindow(hour).add([
        series('a', [
          { tMs: 1, v: Number.NaN },
          { tMs: 2, v: Infinity },
        ]),
      ]),
    ).toEqual([]);
  });
  it('takes samples again after the wall clock was set back', () => {
    const window = createWindow(hour);
    window.add([series('a', at(5_000, 3))]);
    window.forgetAfter(1_400_000);
    expect(window.add([series('a', at(1_400, 2))])[0]?.samples).toHaveLength(2);
  });
  it('forgets series that have been silent for long', () => {
    const window = createWindow(10_000);
    window.add([series('a', at(1, 1)), series('b', at(100, 1))]);
    window.prune(105_000);
    expect(window.read({ fromMs: 0, untilMs: Infinity }).map((one) => one.service)).toEqual(['b']);
  });
});

describe('the log of changes', () => {
  const change = (id: string, more: Partial<Change> = {}): Change => ({
    id,
    kind: 'deploy',
    service: 'shop',
    atMs: 1_000_000,
    what: 'version',
    to: 'v2',
    source: 'host',
    attributes: {},
    ...more,
  });
  it('takes the same change once, by id', () => {
    const log = createChangeLog([]);
    expect(log.add([change('a'), change('a')])).toHaveLength(1);
    expect(log.add([change('a')])).toEqual([]);
  });
  it('takes a deploy that was announced and then seen as one', () => {
    const log = createChangeLog([]);
    log.add([change('announced', { source: 'api', atMs: 1_000_000 })]);
    expect(log.add([change('seen', { source: 'host', atMs: 1_090_000 })])).toEqual([]);
    expect(log.add([change('later', { source: 'host', atMs: 3_000_000 })])).toHaveLength(1);
  });
  it('keeps two deploys of different versions apart, however close', () => {
    const log = createChangeLog([]);
    expect(log.add([change('a', { source: 'api' }), change('b', { source: 'host', to: 'v3' })])).toHaveLength(2);
  });
  it('is in order of time whatever order things come in, and forgets after a day', () => {
    const log = createChangeLog([]);
    log.add([change('late', { atMs: 2_000_000, to: 'v3' }), change('early', { atMs: 1_000_000 })]);
    expect(log.of('shop').map((one) => one.id)).toEqual(['early', 'late']);
    expect(log.prune(1_500_000 + 24 * hour).map((one) => one.id)).toEqual(['early']);
    expect(log.byId('early')).toBeUndefined();
  });
});

describe('the book of log lines', () => {
  it('keeps a bounded number a service, the newest, and no service drives out another', () => {
    const book = createLogBook();
    const line = (service: string, tMs: number) => ({
      tMs,
      source: 's',
      service,
      severity: 'error' as const,
      body: `${tMs}`,
      attributes: {},
    });
    book.add([line('quiet', 1)], []);
    book.add(
      Array.from({ length: 10_000 }, (_, index) => line('noisy', index)),
      [],
    );
    expect(book.of(new Set(['quiet']), 0)).toHaveLength(1);
    const noisy = book.of(new Set(['noisy']), 0);
    expect(noisy.length).toBeLessThanOrEqual(3_000);
    expect(noisy.at(-1)?.tMs).toBe(9_999);
  });
});

describe('files of cases', () => {
  it('that a late event loaded again leave memory, and stay in the store', async () => {
    const disk = emptyDisk();
    const clock = virtualClock();
    const watch = { clock, store: diskStore(disk), ledger: diskLedger(disk, 0) };
    const files = createCaseFiles({
      watch,
      logbook: createLogBook(),
      spanbook: createSpanBook(),
      annotate: () => undefined,
    } as never);
    for (let n = 0; n < 50; n++) {
      await files.write(`i${n}`, { standing: 'resolved' }, []);
      files.forget(`i${n}`);
      // The end of an execution comes when the incident is over.
      await files.load(`i${n}`);
      await files.write(`i${n}`, { standing: 'it helped' }, []);
    }
    const open = (id: string): boolean => id === 'i7';
    files.forgetIdle(open);
    expect(files.size(), 'in use until a moment ago').toBe(50);
    await clock.advance(limits.caseIdleMs / 2);
    await files.load('i8');
    await clock.advance(limits.caseIdleMs / 2 + 1);
    files.forgetIdle(open);
    expect([files.size(), files.get('i7').standing, files.get('i8').standing]).toEqual([2, 'it helped', 'it helped']);
    expect((await files.read('i9'))?.standing).toBe('it helped');
  });
});
