import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { createExpositionParser } from '../../../src/sources/scrape/exposition.ts';
import type { ExpositionFormat } from '../../../src/sources/scrape/scan.ts';

const parse = (text: string | Uint8Array, format: ExpositionFormat = 'text') =>
  createExpositionParser({ wanted: () => true, maxSeries: 1_000 }).parse(
    typeof text === 'string' ? new TextEncoder().encode(text) : text,
    format,
  );

const samples = (text: string, format: ExpositionFormat = 'text') => {
  const result = parse(text, format);
  if (!result.ok) throw new Error(`line ${result.line}: ${result.message}`);
  const { series, values, timestampsMs } = result.value;
  return series.map(({ name, labels }, index) => {
    const stamp = timestampsMs[index]!;
    return Number.isNaN(stamp) ? [name, labels, values[index]] : [name, labels, values[index], stamp];
  });
};

describe('Prometheus text format 0.0.4', () => {
  test("the specification's own example is read in full", () => {
    const text = `# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1.458255915e9

# Minimalistic line:
metric_without_timestamp_and_labels 12.47

# A weird metric from before the epoch:
something_weird{problem="division by zero"} +Inf -3982045

# A histogram, which has a pretty complex representation in the text format:
# HELP http_request_duration_seconds A histogram of the request duration.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.05"} 24054
http_request_duration_seconds_bucket{le="+Inf"} 144320
http_request_duration_seconds_sum 53423
http_request_duration_seconds_count 144320
`;
    expect(samples(text)).toEqual([
      ['http_requests_total', { method: 'post', code: '200' }, 1027, 1395066363000],
      ['http_requests_total', { method: 'post', code: '400' }, 3, 1395066363000],
      [
        'msdos_file_access_time_seconds',
        { path: 'C:\\DIR\\FILE.TXT', error: 'Cannot find file:\n"FILE.TXT"' },
        1.458255915e9,
      ],
      ['metric_without_timestamp_and_labels', {}, 12.47],
      ['something_weird', { problem: 'division by zero' }, Infinity, -3982045],
      ['http_request_duration_seconds_bucket', { le: '0.05' }, 24054],
      ['http_request_duration_seconds_bucket', { le: '+Inf' }, 144320],
      ['http_request_duration_seconds_sum', {}, 53423],
      ['http_request_duration_seconds_count', {}, 144320],
    ]);
  });

  test.each([
    [
      'blanks and tabs anywhere between tokens',
      ' \ta \t{ b = "c" , d="e", } \t 1 \t 2 \t',
      ['a', { b: 'c', d: 'e' }, 1, 2],
    ],
    ['a value right after the brace', 'a{b="c"}1', ['a', { b: 'c' }, 1]],
    ['empty braces', 'a{} 1', ['a', {}, 1]],
    ['no line feed at the end', 'a 1', ['a', {}, 1]],
    ['CRLF line ends', 'a 1\r\n', ['a', {}, 1]],
    ['colons in names', 'job:a:rate5m 1\n', ['job:a:rate5m', {}, 1]],
    ['a brace, a comma and a hash inside a value', 'a{b="}, # {"} 1\n', ['a', { b: '}, # {' }, 1]],
    ['an escaped quote before a brace', 'a{b="\\"}"} 1\n', ['a', { b: '"}' }, 1]],
    ['another escape, kept as Prometheus keeps it', 'a{b="\\."} 1\n', ['a', { b: '\\.' }, 1]],
    ['label values in UTF-8', 'a{b="日本"} 1\n', ['a', { b: '日本' }, 1]],
    ['a name in quotes', '{"http.requests",b="c"} 1\n', ['http.requests', { b: 'c' }, 1]],
    ['a label name in quotes', '{"a","b.c"="d"} 1\n', ['a', { 'b.c': 'd' }, 1]],
    ['a label called __proto__', 'a{__proto__="x"} 1\n', ['a', Object.fromEntries([['__proto__', 'x']]), 1]],
    ['exponents', 'a 1.5e-3\n', ['a', {}, 0.0015]],
    ['many digits', 'a 0.1234567890123456789\n', ['a', {}, 0.12345678901234568]],
    ['NaN', 'a NaN\n', ['a', {}, NaN]],
    ['-Inf', 'a -Inf\n', ['a', {}, -Infinity]],
    ['a leading point', 'a -.5\n', ['a', {}, -0.5]],
  ])('%s', (_, text, expected) => expect(samples(text)).toEqual([expected]));

  test.each([
    ['a digit at the start of a name', '1a 1', 1],
    ['a dash in a name', 'a-b 1', 1],
    ['no value', 'ok 1\na\n', 2],
    ['a value that is no number', 'a 0x1p3\n', 1],
    ['an empty value', 'a{b="c"} \n', 1],
    ['a fraction as a timestamp', 'a 1 1.5\n', 1],
    ['text after the timestamp', 'a 1 2 3\n', 1],
    ['an exemplar, which is OpenMetrics', 'a 1 # {} 1\n', 1],
    ['an open brace', 'a{b="c" 1\n', 1],
    ['an open quote', 'a{b="c} 1\n', 1],
    ['a value without quotes', 'a{b=c} 1\n', 1],
    ['a label twice', 'a{b="c",b="d"} 1\n', 1],
    ['two commas', 'a{b="c",,d="e"} 1\n', 1],
    ['a leading comma', 'a{,b="c"} 1\n', 1],
    ['two names', 'a{"b"} 1\n', 1],
    ['no name', '{b="c"} 1\n', 1],
    ['an unknown type', '# TYPE a speed\n', 1],
    ['a second TYPE', '# TYPE a gauge\n# TYPE a gauge\n', 2],
  ])('refuses %s, and names the line', (_, text, line) =>
    expect(parse(text)).toMatchObject({ ok: false, reason: 'malformed', line }),
  );

  test('refuses labels that are not UTF-8', () => {
    const bytes = new TextEncoder().encode('a{b="x"} 1\n');
    bytes[5] = 0xff;
    expect(parse(bytes)).toMatchObject({ ok: false, message: 'the labels are not UTF-8' });
  });

  test('a web page is refused, not read as no metrics', () => {
    expect(parse('<!doctype html>\n<p>Sign in</p>\n')).toMatchObject({ ok: false, line: 1 });
  });

  test('comments, HELP without text and empty lines are no samples', () => {
    expect(samples('#\n# a comment\n# HELP a\n\n   \n# EOF\na 1\n')).toEqual([['a', {}, 1]]);
  });

  test('a series that stands twice counts once, and the repetition is told', () => {
    const result = parse('a{b="c"} 1\na{b="c"} 2\n');
    expect(result).toMatchObject({ ok: true, value: { values: Float64Array.of(1), duplicates: 1 } });
  });

  test('more series than allowed are refused whole, never cut short silently', () => {
    const parser = createExpositionParser({ wanted: () => true, maxSeries: 2 });
    const read = (text: string) => parser.parse(new TextEncoder().encode(text), 'text');
    expect(read('a 1\nb 1\nc 1\n')).toMatchObject({ ok: false, reason: 'too-large', line: 3 });
    expect(read('a 1\nb 1\n')).toMatchObject({ ok: true });
    expect(read('a 1\nb 1\nc 1\n')).toMatchObject({ ok: false, reason: 'too-large' });
  });

  test('lines of metrics that are not wanted are still checked, and never kept', () => {
    const parser = createExpositionParser({ wanted: (name) => name === 'a', maxSeries: 1 });
    const read = (text: string) => parser.parse(new TextEncoder().encode(text), 'text');
    expect(read('b{x="1"} 1\nb{x="2"} 2\na 3\nc 4\n')).toMatchObject({
      ok: true,
      value: { values: Float64Array.of(3), samples: 4 },
    });
    expect(read('b{x="1} 1\na 3\n')).toMatchObject({ ok: false, line: 1 });
  });

  test('the same object stands for a series in every scrape', () => {
    const parser = createExpositionParser({ wanted: () => true, maxSeries: 10 });
    const first = parser.parse(new TextEncoder().encode('a{b="c"} 1\n'), 'text');
    const second = parser.parse(new TextEncoder().encode('x 1\na{b="c"} 2\n'), 'text');
    expect(first.ok && second.ok && first.value.series[0] === second.value.series[1]).toBe(true);
  });
});

describe('OpenMetrics 1.0', () => {
  const om = (text: string) => samples(text, 'openmetrics');

  test('every type of the specification is read, with exemplars, units and timestamps in seconds', () => {
    const text = `# TYPE acme_http_router_request_seconds summary
# UNIT acme_http_router_request_seconds seconds
# HELP acme_http_router_request_seconds Latency though all of ACME's HTTP request router.
acme_http_router_request_seconds_sum{path="/api/v1",method="GET"} 9036.32
acme_http_router_request_seconds_count{path="/api/v1",method="GET"} 807283.0
acme_http_router_request_seconds_created{path="/api/v1",method="GET"} 1605281325.0
# TYPE go_goroutines gauge
# HELP go_goroutines Number of goroutines that currently exist.
go_goroutines 69
# TYPE process_cpu_seconds counter
# UNIT process_cpu_seconds seconds
# HELP process_cpu_seconds Total user and system CPU time spent in seconds.
process_cpu_seconds_total 4.20072246e+06
# TYPE foo histogram
foo_bucket{le="0.1"} 8 # {} 0.054
foo_bucket{le="1"} 11 # {trace_id="KOO5S4vxi0o"} 0.67
foo_bucket{le="+Inf"} 17 # {trace_id="oHg5SJYRHA0"} 9.8 1520879607.789
foo_count 17
foo_sum 324789.3
foo_created 1520430000.123
# TYPE bar stateset
bar{entity="controller",bar="a"} 1
# TYPE version info
version_info{version="1.2"} 1
# TYPE gh gaugehistogram
gh_bucket{le="+Inf"} 42
gh_gcount 42
gh_gsum 3289.3
# TYPE u unknown
u 23 123.456
# EOF
`;
    const read = om(text);
    expect(read).toHaveLength(17);
    expect(read[7]).toEqual(['foo_bucket', { le: '+Inf' }, 17]);
    expect(read.at(-1)).toEqual(['u', {}, 23, 123_456]);
    const result = parse(text, 'openmetrics');
    expect(result.ok && Object.fromEntries([...result.value.families].map(([name, { type }]) => [name, type]))).toEqual(
      {
        acme_http_router_request_seconds: 'summary',
        go_goroutines: 'gauge',
        process_cpu_seconds: 'counter',
        foo: 'histogram',
        bar: 'stateset',
        version: 'info',
        gh: 'gaugehistogram',
        u: 'unknown',
      },
    );
  });

  test('an empty exposition is one line', () => expect(om('# EOF\n')).toEqual([]));
  test('the last line feed may be left out after EOF', () => expect(om('a 1\n# EOF')).toEqual([['a', {}, 1]]));

  // After the negative cases of the OpenMetrics test suite.
  test.each([
    ['no EOF: a truncated answer', 'a 1\n'],
    ['nothing at all', ''],
    ['text after EOF', 'a 1\n# EOF\nb 1\n'],
    ['a line without end before EOF', 'a 1'],
    ['an empty line', 'a 1\n\n# EOF\n'],
    ['a comment', '# hello\n# EOF\n'],
    ['two spaces before the value', 'a  1\n# EOF\n'],
    ['a tab before the value', 'a\t1\n# EOF\n'],
    ['a leading space', ' a 1\n# EOF\n'],
    ['a trailing space', 'a 1 \n# EOF\n'],
    ['a carriage return', 'a 1\r\n# EOF\n'],
    ['a blank before the braces', 'a {b="c"} 1\n# EOF\n'],
    ['no blank after the braces', 'a{b="c"}1\n# EOF\n'],
    ['blanks inside the braces', 'a{ b="c"} 1\n# EOF\n'],
    ['an escape that is none', 'a{b="\\."} 1\n# EOF\n'],
    ['a type that is none', '# TYPE a untypedd\n# EOF\n'],
    ['a second TYPE', '# TYPE a gauge\n# TYPE a gauge\n# EOF\n'],
    ['a second HELP', '# HELP a x\n# HELP a y\n# EOF\n'],
    ['a second UNIT', '# UNIT a_s s\n# UNIT a_s s\n# EOF\n'],
    ['a unit that does not end the name', '# UNIT a seconds\n# EOF\n'],
    ['metadata after samples', 'a 1\n# TYPE a gauge\n# EOF\n'],
    ['an exemplar without labels', 'a_total 1 # 1\n# EOF\n'],
    ['an exemplar without a value', 'a_total 1 # {a="b"}\n# EOF\n'],
    ['an exemplar with a word as value', 'a_total 1 # {a="b"} x\n# EOF\n'],
    ['an exemplar with a word as timestamp', 'a_total 1 # {a="b"} 1 x\n# EOF\n'],
    ['an exemplar with open labels', 'a_total 1 # {a="b" 1\n# EOF\n'],
    ['a timestamp that is a word', 'a 1 now\n# EOF\n'],
    ['an infinite timestamp', 'a 1 +Inf\n# EOF\n'],
  ])('refuses %s', (_, text) => expect(parse(text, 'openmetrics')).toMatchObject({ ok: false, reason: 'malformed' }));
});

describe('whatever the bytes', () => {
  const line = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.string({ unit: fc.constantFrom(...Array.from('ab_:{}=",\\ #1.e-+NInf\t\r')), maxLength: 60 }),
    fc.constantFrom('# TYPE a counter', '# HELP a b', '# EOF', 'a{b="c"} 1 2', 'a_total 1 # {x="y"} 1'),
  );
  test('the parser answers and never throws', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.constantFrom('text', 'openmetrics'), (lines, format) => {
        const result = parse(lines.join('\n'), format);
        if (!result.ok) expect(result.line).toBeGreaterThan(0);
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parse(bytes)),
      { numRuns: 1_000 },
    );
  });

  test('what the scrapes before were like changes nothing of what is read', () => {
    const names = ['a', 'ab', 'a{b="c"}', 'a{b="cd"}', 'a{b="c",d="e"}', 'b', 'b_total', 'c{x="\\"}"}'];
    const scrape = fc.uniqueArray(fc.constantFrom(...names), { maxLength: 8 });
    fc.assert(
      fc.property(
        fc.array(scrape, { minLength: 1, maxLength: 6 }),
        fc.constantFrom('text', 'openmetrics'),
        (all, format) => {
          const parser = createExpositionParser({ wanted: () => true, maxSeries: 100 });
          for (const [round, ids] of all.entries()) {
            const text =
              ids.map((id, at) => `${id} ${round * 10 + at}\n`).join('') + (format === 'text' ? '' : '# EOF\n');
            const known = parser.parse(new TextEncoder().encode(text), format);
            const alone = parse(text, format);
            if (!known.ok || !alone.ok) throw new Error(JSON.stringify([known, alone]));
            const shown = ({ series, values }: typeof known.value) =>
              series.map(({ name, labels }, at) => [name, labels, values[at]]);
            expect(shown(known.value)).toEqual(shown(alone.value));
            expect(new Set(known.value.series.map(({ id }) => id)).size).toBe(ids.length);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test('what an exporter writes is read back exactly, by every double', () => {
    const label = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => text.isWellFormed());
    fc.assert(
      fc.property(fc.array(fc.record({ value: fc.double(), label }), { maxLength: 8 }), (written) => {
        const escape = (text: string) => text.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`));
        const number = (v: number) =>
          Number.isFinite(v) ? String(v) : Number.isNaN(v) ? 'NaN' : v > 0 ? '+Inf' : '-Inf';
        const text = written
          .map(({ value, label: l }, i) => `m{i="${i}",l="${escape(l)}"} ${number(value)}\n`)
          .join('');
        expect(samples(text)).toEqual(
          written.map(({ value, label: l }, i) => ['m', { i: String(i), l }, Object.is(value, -0) ? 0 : value]),
        );
      }),
    );
  });
});
