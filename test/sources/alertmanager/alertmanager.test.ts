import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { defaultMapping, parseAlertmanagerWebhook } from '../../../src/sources/alertmanager/index.ts';
import type { Json } from '../../../src/lib/json.ts';

const nowMs = Date.parse('2026-03-01T02:00:00Z');

/** As Alertmanager 0.25 sends it. */
const delivery = (over: object = {}, alert: object = {}): Json => ({
  receiver: 'watchkeeper',
  status: 'firing',
  alerts: [
    {
      status: 'firing',
      labels: { alertname: 'HighErrors', service: 'checkout', severity: 'page', code: '500' },
      annotations: { summary: '31% of requests fail' },
      startsAt: '2026-03-01T01:55:00.123Z',
      endsAt: '0001-01-01T00:00:00Z',
      generatorURL: 'http://prom/graph',
      fingerprint: '1b2c',
      ...alert,
    },
  ],
  groupLabels: {},
  commonLabels: {},
  commonAnnotations: {},
  externalURL: 'http://am:9093',
  version: '4',
  groupKey: '{}:{}',
  truncatedAlerts: 0,
  ...over,
});

const read = (input: Json, mapping = defaultMapping) => {
  const parsed = parseAlertmanagerWebhook(input, nowMs, mapping);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.value;
};

describe('an Alertmanager webhook', () => {
  test('that fires is a bad finding of kind external, identified by its labels', () => {
    expect(read(delivery())).toEqual({
      findings: [
        {
          detector: 'alertmanager',
          kind: 'external',
          service: 'checkout',
          signal: 'HighErrors',
          labels: { alertname: 'HighErrors', service: 'checkout', severity: 'page', code: '500' },
          state: 'bad',
          atMs: nowMs,
          sinceMs: Date.parse('2026-03-01T01:55:00.123Z'),
          severity: 'critical',
          reason: 'Alertmanager: HighErrors is firing: 31% of requests fail',
          numbers: {},
          confidence: 1,
        },
      ],
      gaps: [],
    });
  });

  test('that resolves is the same finding, good since it ended', () => {
    const [fired] = read(delivery()).findings;
    const [resolved] = read(delivery({}, { status: 'resolved', endsAt: '2026-03-01T01:59:00Z' })).findings;
    expect(resolved).toMatchObject({ state: 'good', sinceMs: Date.parse('2026-03-01T01:59:00Z') });
    const identity = (finding: typeof fired) => [finding?.detector, finding?.service, finding?.signal, finding?.labels];
    expect(identity(resolved)).toEqual(identity(fired));
  });

  test.each([
    [{ app: 'cart', job: 'node' }, 'cart'],
    [{ job: 'node' }, 'node'],
    [{}, 'unknown'],
  ])('names the service by the first label that it has: %j', (labels, service) => {
    expect(read(delivery({}, { labels: { alertname: 'A', ...labels } })).findings[0]?.service).toBe(service);
  });

  test('with a severity we have no word for is a warning', () => {
    expect(read(delivery({}, { labels: { alertname: 'A', severity: 'purple' } })).findings[0]?.severity).toBe(
      'warning',
    );
    const mapping = { ...defaultMapping, severities: { purple: 'critical' } as const };
    expect(read(delivery({}, { labels: { severity: 'purple' } }), mapping).findings[0]?.severity).toBe('critical');
  });

  test('from which alerts were left out says so', () => {
    expect(read(delivery({ truncatedAlerts: 3 })).gaps).toMatchObject([
      { reason: 'partial', message: expect.stringContaining('3 alerts') },
    ]);
  });

  test('whose clock runs ahead of ours says nothing of the future', () => {
    expect(read(delivery({}, { startsAt: '2026-03-01T03:00:00Z' })).findings[0]?.sinceMs).toBe(nowMs);
  });

  test('keeps hostile text on one bounded line', () => {
    const [finding] = read(
      delivery(
        {},
        {
          labels: { alertname: 'A\u001b[2J\nB', x: 'y'.repeat(9_999) },
          annotations: { summary: '\u202e{{ evil }}\n'.repeat(500) },
        },
      ),
    ).findings;
    expect(finding?.signal).toBe('A [2J B');
    expect(finding?.labels['x']?.length).toBeLessThanOrEqual(256);
    expect(finding?.reason.length).toBeLessThan(500);
    expect(finding?.reason).not.toMatch(/[\n\u202e]/);
  });

  test.each<[string, Json]>([
    ['another version', delivery({ version: '3' })],
    ['no alerts', { version: '4' }],
    ['a status that is none', delivery({}, { status: 'silenced' })],
    ['labels that are no strings', delivery({}, { labels: { a: 1 } })],
    ['a time that is none', delivery({}, { startsAt: 'yesterday' })],
    ['no object', 'hello'],
  ])('with %s is refused with a reason', (_, input) => {
    const parsed = parseAlertmanagerWebhook(input, nowMs);
    expect(parsed.ok ? 0 : parsed.issues.length).toBeGreaterThan(0);
  });

  test('never throws, whatever JSON it is', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => void parseAlertmanagerWebhook(value as Json, nowMs)));
  });
});
