import { describe, expect, it } from 'vitest';

import { parseEscalation } from '../../src/chat/index.ts';
import type { Escalation } from '../../src/domain/definitions.ts';

function parse(spec: object): ReturnType<typeof parseEscalation> {
  const document = {
    apiVersion: 'watchkeeper.dev/v1alpha1',
    kind: 'Escalation',
    metadata: { name: 'oncall', labels: {} },
  };
  return parseEscalation({ ...document, spec: { steps: [{ notify: ['log'] }], ...spec } } as never);
}

function holds(spec: object): NonNullable<Escalation['holds']> {
  const parsed = parse(spec);
  if (!parsed.ok || parsed.value.holds === undefined) throw new Error(JSON.stringify(parsed));
  return parsed.value.holds;
}

const at = (text: string): number => Date.parse(text);
const night = { cron: '0 22 * * *', for: '9h', timezone: 'Europe/Berlin' };

describe('quiet hours', () => {
  it('hold what is less grave than they say until their end, in their time zone', () => {
    const held = holds({ quiet: [night] });
    expect(held('warning', at('2026-11-28T20:59:00Z'))).toBeUndefined();
    expect(held('warning', at('2026-11-28T21:00:00Z'))).toBe(at('2026-11-29T06:00:00Z'));
    expect(held('info', at('2026-11-29T05:59:00Z'))).toBe(at('2026-11-29T06:00:00Z'));
    expect(held('warning', at('2026-11-29T06:00:00Z'))).toBeUndefined();
  });

  it('never hold what is critical, whatever they say', () => {
    const always = holds({ quiet: [{ cron: '0 0 * * *', for: '24h' }], digest: { every: '24h' } });
    for (let hour = 0; hour < 48; hour++)
      expect(always('critical', at('2026-11-28T00:00:00Z') + hour * 3_600_000)).toBeUndefined();
    expect(holds({ quiet: [{ ...night, below: 'warning' }] })('warning', at('2026-11-28T23:00:00Z'))).toBeUndefined();
  });

  it.each([
    ['in spring', '2026-03-28', '2026-03-29'],
    ['in autumn', '2026-10-24', '2026-10-25'],
  ])('last as long as they say in the night in which the clocks change %s', (_when, evening, morning) => {
    const held = holds({ quiet: [night] });
    const beginMs = [`${evening}T20:00:00Z`, `${evening}T21:00:00Z`]
      .map(at)
      .find((ms) => held('info', ms) !== undefined)!;
    const untilMs = held('info', beginMs)!;
    expect(untilMs - beginMs).toBe(9 * 3_600_000);
    expect(held('info', at(`${morning}T12:00:00Z`))).toBeUndefined();
  });

  it('end at the latest of those that are open', () => {
    const held = holds({ quiet: [night, { cron: '0 23 * * SAT', for: '12h', timezone: 'Europe/Berlin' }] });
    expect(held('info', at('2026-11-28T22:30:00Z'))).toBe(at('2026-11-29T10:00:00Z'));
  });
});

describe('a digest', () => {
  it('comes at the same times whenever what it tells came up', () => {
    const held = holds({ digest: { every: '4h', below: 'warning' } });
    expect(held('info', at('2026-11-28T09:00:00Z'))).toBe(at('2026-11-28T12:00:00Z'));
    expect(held('info', at('2026-11-28T12:00:00Z'))).toBe(at('2026-11-28T16:00:00Z'));
    expect(held('warning', at('2026-11-28T09:00:00Z'))).toBeUndefined();
  });
});

it('an escalation that says nothing of it holds nothing', () => {
  const parsed = parse({});
  expect(parsed.ok && 'holds' in parsed.value).toBe(false);
});

it.each<[object, string]>([
  [{ quiet: [{ cron: 'at night', for: '9h' }] }, 'spec.quiet.0.cron'],
  [{ quiet: [{ ...night, timezone: 'Mars/Olympus' }] }, 'spec.quiet.0.timezone'],
  [{ quiet: [{ ...night, for: '9d' }] }, 'spec.quiet.0.for'],
  [{ quiet: [{ ...night, below: 'info' }] }, 'spec.quiet.0.below'],
  [{ digest: { every: '1s' } }, 'spec.digest.every'],
  [{ digest: { every: '4h', of: 'info' } }, 'spec.digest.of'],
])('refuses %j with its place', (spec, place) => {
  const parsed = parse(spec);
  expect(parsed.ok ? [] : parsed.issues.map(({ path }) => path.join('.'))).toContain(place);
});
