/**
 * How fast an exposition is read: 100,000 series of ordinary shape, scraped again and again as a daemon does.
 * Prints the raw probe (walking over the same bytes and counting line feeds) beside it, from the same run.
 * usage: node bench/scrape.ts [series]
 */
import { createExpositionParser } from '../src/sources/scrape/exposition.ts';
import { makeReading } from '../src/sources/scrape/reading.ts';

const series = Number(process.argv[2] ?? 100_000);
const rounds = 10;

function exposition(round: number): Uint8Array {
  const lines = ['# HELP http_requests_total Requests.\n# TYPE http_requests_total counter\n'];
  for (let i = 0; i < series; i++) {
    const labels = `method="GET",code="${200 + (i % 5)}",path="/api/v1/items/${i % 977}",instance="10.0.${i >> 8}.${i & 255}:8080"`;
    lines.push(`http_requests_total{${labels}} ${i * 17 + round * 31}\n`);
  }
  return new TextEncoder().encode(lines.join(''));
}

function timed(work: (round: number) => void): number {
  const started = performance.now();
  for (let round = 1; round <= rounds; round++) work(round);
  return (performance.now() - started) / rounds;
}

const bodies = Array.from({ length: rounds + 1 }, (_, round) => exposition(round));
const megabytes = (bodies[0]?.length ?? 0) / 1e6;
const body = (round: number): Uint8Array => bodies[round] ?? new Uint8Array();

let feeds = 0;
const probeMs = timed((round) => {
  const bytes = body(round);
  for (let at = 0; at < bytes.length; at++) if (bytes[at] === 0x0a) feeds++;
});

function run(name: string, wanted: boolean, index: boolean): void {
  const parser = createExpositionParser({ wanted: () => wanted, maxSeries: series });
  const read = (round: number): void => {
    const result = parser.parse(body(round), 'text');
    if (!result.ok) throw new Error(result.message);
    if (index) makeReading(result.value, round);
  };
  read(0);
  const ms = timed(read);
  const samples = Math.round((series / ms) * 1_000);
  console.log(
    `${name}: ${ms.toFixed(1)} ms a scrape, ${(megabytes / (ms / 1_000)).toFixed(0)} MB/s, ${samples} samples/s`,
  );
}

console.log(
  `${series} series, ${megabytes.toFixed(1)} MB; probe (count ${feeds / rounds} line feeds): ${probeMs.toFixed(1)} ms, ${(megabytes / (probeMs / 1_000)).toFixed(0)} MB/s`,
);
run('all wanted', true, false);
run('all wanted, indexed for evaluation', true, true);
run('none wanted', false, false);
