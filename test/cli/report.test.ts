import { describe, expect, it } from 'vitest';

import type { BacktestAlert, BacktestOutcome } from '../../src/agent/index.ts';
import { renderReport } from '../../src/cli/report/index.ts';
import { limits } from '../../src/lib/limits.ts';

const hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)>'\` </style><svg onload=alert(3)> &lt; \u202e\u0000`;

function alertOf(at: number, text = 'errors'): BacktestAlert {
  return {
    service: text,
    at,
    until: at + 600,
    signal: text,
    labels: { [text]: text },
    reason: text,
    detector: text,
    severity: text,
    mode: 'active',
    picture: {
      seriesKey: text,
      unit: text,
      seen: Array.from({ length: 30 }, (_, k) => ({ tMs: (at + k * 60) * 1_000, v: k })),
      expected: Array.from({ length: 10 }, (_, k) => ({ tMs: (at + k * 60) * 1_000, low: 0, high: 5 })),
    },
  };
}

function outcomeWith(text: string, alerts: readonly BacktestAlert[]): BacktestOutcome {
  const change = {
    id: 'c',
    kind: 'deploy',
    service: text,
    atMs: 60_000,
    what: text,
    from: text,
    to: text,
    source: text,
    attributes: {},
  } as const;
  return {
    alerts,
    pages: [{ at: 60, services: [text], text }],
    changes: [change],
    verdicts: [
      { changeId: 'c', service: text, detector: text, signal: text, verdict: 'healthy', because: text, atMs: 1 },
    ],
    services: [text],
    detectors: [text],
    series: 1,
    samples: 30,
    gaps: 0,
    from: 0,
    until: 7 * 86_400,
  };
}

interface Element {
  readonly name: string;
  readonly attributes: readonly (readonly [string, string])[];
}

const empty = new Set(['meta', 'polyline', 'polygon', 'rect', 'line']);

/** Reads the page strictly: every tag closed in order, every attribute quoted, no stray bracket. */
function parse(page: string): { readonly elements: readonly Element[]; readonly text: string } {
  const elements: Element[] = [];
  const open: string[] = [];
  let text = '';
  let rest = page.replace('<!doctype html>', '');
  while (rest !== '') {
    const tag = /^<(\/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z-]+(?:\d?)="[^"<>]*")*)\s*(\/?)>/.exec(rest);
    if (tag === null) {
      const next = rest.indexOf('<', 1);
      const part = next < 0 ? rest : rest.slice(0, next);
      if (part.startsWith('<') || (part.includes('>') && open.at(-1) !== 'style'))
        throw new Error(`not well formed at ${part.slice(0, 80)}`);
      text += part;
      rest = next < 0 ? '' : rest.slice(next);
      continue;
    }
    const [whole, slash, name = '', written = ''] = tag;
    rest = rest.slice(whole.length);
    if (slash === '/') {
      if (open.pop() !== name) throw new Error(`</${name}> closes nothing`);
      continue;
    }
    const attributes = [...written.matchAll(/([a-zA-Z-]+\d?)="([^"]*)"/g)].map(
      ([, key = '', value = '']) => [key, value] as const,
    );
    elements.push({ name, attributes });
    if (!empty.has(name)) open.push(name);
  }
  if (open.length > 0) throw new Error(`left open: ${open.join(' ')}`);
  return { elements, text };
}

const allowed = new Set(
  'html head meta title style body main h1 h2 h3 p table caption thead tbody tr th td section span div svg polyline polygon rect g line text title'.split(
    ' ',
  ),
);

describe('the report of a backtest', () => {
  it('is one well-formed page with a chart, a band, a deploy and the figures', () => {
    const { elements, text } = parse(renderReport(outcomeWith('shop', [alertOf(0, 'shop')])));
    const names = elements.map(({ name }) => name);
    expect(names.filter((name) => name === 'svg')).toHaveLength(1);
    for (const name of ['polyline', 'polygon', 'line', 'rect']) expect(names).toContain(name);
    expect(text).toContain('Pages per service and week');
    expect(text).toContain('1.00');
  });
  it('asks for nothing and runs nothing, and tells the browser so', () => {
    const page = renderReport(outcomeWith('shop', [alertOf(0, 'shop')]));
    const { elements } = parse(page);
    expect(page).toContain(`content="default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;;`);
    const names = new Set(elements.flatMap(({ attributes }) => attributes.map(([name]) => name)));
    for (const name of ['src', 'href', 'xlink', 'srcset', 'action', 'style']) expect(names.has(name)).toBe(false);
    expect([...names].some((name) => name.startsWith('on'))).toBe(false);
    expect(page).not.toMatch(/url\(|@import|https?:/);
  });
  it('shows hostile names, labels and reasons as text and nothing else', () => {
    const page = renderReport(outcomeWith(hostile, [alertOf(0, hostile)]));
    const { elements, text } = parse(page);
    const strangers = elements.filter(
      ({ name, attributes }) => !allowed.has(name) || attributes.some(([key]) => key.startsWith('on')),
    );
    expect(strangers).toEqual([]);
    expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page).not.toMatch(/[\u202e\u0000]/);
    const plain = parse(renderReport(outcomeWith('x', [alertOf(0, 'x')])));
    expect(elements.map(({ name }) => name)).toEqual(plain.elements.map(({ name }) => name));
  });
  it('is bounded, and says what it left out', () => {
    const many = Array.from({ length: limits.reportCharts + 7 }, (_, index) => alertOf(index * 60));
    const { elements, text } = parse(renderReport(outcomeWith('shop', many)));
    expect(elements.filter(({ name }) => name === 'svg')).toHaveLength(limits.reportCharts);
    expect(text).toContain('7 more findings are left out');
  });
  it('says so when nothing fired', () => {
    expect(parse(renderReport(outcomeWith('shop', []))).text).toContain('Nothing would have fired.');
  });
});
