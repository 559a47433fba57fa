import { describe, expect, it } from 'vitest';

import type { Finding } from '../../src/domain/alert.ts';
import type { Gap, LogRecord } from '../../src/domain/telemetry.ts';
import type { Json } from '../../src/lib/json.ts';
import { createDetector } from '../../src/detectors/index.ts';
import { detector } from './helpers.ts';

const minute = 60_000;
const fromMs = 1_767_600_000_000;
const definition = detector({ kind: 'log-pattern', params: { learn: '5m', quiet: '30m' } });

const line = (tMs: number, body: string, severity: LogRecord['severity'] = 'error'): LogRecord => ({
  ...{ tMs, source: 'host', service: 'batch', severity, body },
  attributes: {},
});
const gap = (more: Partial<Gap> = {}): Gap => ({
  ...{ source: 'host', service: 'batch', signal: 'logs', reason: 'unauthorized', message: 'EACCES: batch.log' },
  ...{ fromMs, untilMs: fromMs },
  ...more,
});

interface Look {
  readonly logs?: readonly LogRecord[];
  readonly gaps?: readonly Gap[];
  readonly read?: boolean;
}

/** A service that starts, fails with a new error at minute 10, and is looked at once a minute; alerts of it are watched. */
function listener(saved?: Json) {
  const running = createDetector(definition, saved);
  return {
    save: () => running.save(),
    at: (atMinute: number, { logs = [], gaps = [], read = true }: Look = {}): Finding | undefined => {
      const batch = { asOfMs: fromMs + atMinute * minute, series: [], logs, changes: [], external: [], gaps };
      const findings = running.step(batch, {
        changesOf: () => [],
        services: () => [],
        service: () => undefined,
        slo: () => undefined,
        isRead: () => read,
        isWatched: () => true,
      });
      return findings.find(({ reason }) => !reason.includes('started'));
    },
  };
}

type Listener = ReturnType<typeof listener>;

/** The last thing that was said, after a look every minute from one to another. */
function looks(listening: Listener, from: number, until: number, look?: (atMinute: number) => Look) {
  let last: Finding | undefined;
  for (let atMinute = from; atMinute <= until; atMinute++) last = listening.at(atMinute, look?.(atMinute));
  return last;
}

const failing = (): Listener => {
  const listening = listener();
  listening.at(0, { logs: [line(fromMs, 'started', 'info')] });
  looks(listening, 1, 9);
  const at = fromMs + 10 * minute;
  const said = listening.at(10, { logs: [4, 3, 2, 1].map((n) => line(at - n, 'cannot open ledger')) });
  expect(said).toMatchObject({ state: 'bad' });
  return listening;
};

describe('a service that logs nothing when it is well', () => {
  it('is unknown while it is silent, and good when it was silent for the stated time with its logs readable', () => {
    const listening = failing();
    expect(looks(listening, 11, 39)).toMatchObject({ state: 'unknown' });
    const said = listening.at(40);
    expect(said).toMatchObject({ state: 'good' });
    expect(said?.reason).toBe('batch: nothing was logged for 30m, though its logs can be read');
  });

  it('is unknown for as long as its logs cannot be read, and the quiet time begins when they can', () => {
    const listening = failing();
    expect(looks(listening, 11, 90, () => ({ gaps: [gap()] }))).toMatchObject({
      state: 'unknown',
      reason: 'logs of batch: EACCES: batch.log',
    });
    expect(looks(listening, 91, 120)).toMatchObject({ state: 'unknown' });
    expect(listening.at(121)).toMatchObject({ state: 'good' });
  });

  it('is unknown for good when its source is not read any more', () => {
    expect(looks(failing(), 11, 200, () => ({ read: false }))).toMatchObject({
      state: 'unknown',
      reason: 'logs of batch: host is not read',
    });
  });

  it('gets no credit for the time in which nobody watched', () => {
    const listening = failing();
    looks(listening, 11, 30);
    const later = listener(listening.save());
    expect(later.at(100)).toMatchObject({ state: 'unknown' });
    expect(looks(later, 101, 129)).toMatchObject({ state: 'unknown' });
    expect(later.at(130)).toMatchObject({ state: 'good' });
  });

  it('keeps the time it was listened to over a short restart', () => {
    const listening = failing();
    looks(listening, 11, 38);
    expect(listener(listening.save()).at(40)).toMatchObject({ state: 'good' });
  });

  it('gets no credit from a clock that was set back', () => {
    const listening = failing();
    looks(listening, 11, 35);
    listening.at(20);
    expect(listening.at(40)).toMatchObject({ state: 'unknown' });
  });
});

describe('logs that cannot be read', () => {
  it.each([gap(), gap({ service: undefined, signal: undefined } as unknown as Partial<Gap>)])(
    'are not fewer errors, though other lines came shortly before: %j',
    (unread) => {
      const listening = failing();
      looks(listening, 11, 19, (at) => ({ logs: [line(fromMs + at * minute, 'started again', 'info')] }));
      expect(looks(listening, 20, 22, () => ({ gaps: [unread] }))).toMatchObject({ state: 'unknown' });
    },
  );

  it('of another service, or for another signal, say nothing about these', () => {
    const listening = failing();
    looks(listening, 11, 19, (at) => ({ logs: [line(fromMs + at * minute, 'started again', 'info')] }));
    const others = [gap({ service: 'shop' }), gap({ signal: 'cpu' }), gap({ source: 'elsewhere' })];
    expect(looks(listening, 20, 22, () => ({ gaps: others }))).toMatchObject({ state: 'good' });
  });
});
