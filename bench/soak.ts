/**
 * Many days of watching in one sitting: 10,000 series for 30 simulated days, with deploys, once through and once started
 * anew every day or so. Nothing may grow but what is known, and both must have said the same.
 * usage: node bench/soak.ts [--series=10000] [--days=30] [--every=900]   (seconds between samples)
 * Each of the two runs has its own process: `--run=whole` and `--run=interrupted` are those alone.
 */
import { spawn } from 'node:child_process';

import { soak, type Soaked } from '../test/support/soak.ts';
import { report } from './report.ts';

interface Ran extends Soaked {
  readonly cpuS: number;
  readonly rssMb: readonly number[];
}

const asked = (name: string, otherwise: number): number => {
  const text = process.argv.find((word) => word.startsWith(`--${name}=`))?.split('=')[1];
  return text === undefined ? otherwise : Number(text);
};
const series = asked('series', 10_000);
const days = asked('days', 30);
const everyMs = asked('every', 900) * 1_000;

const alone = process.argv.find((word) => word.startsWith('--run='))?.slice('--run='.length);
if (alone === undefined) {
  const [whole, interrupted] = await Promise.all([inProcess('whole'), inProcess('interrupted')]);
  show('whole', whole);
  show('interrupted', interrupted);
  const differs = whole.digest === interrupted.digest ? 0 : 1;
  report({
    bench: 'soak',
    name: 'verdicts that a restart changed (0: same digest)',
    value: differs,
    unit: '',
    atMost: 0,
  });
  process.exitCode = differs;
} else process.stdout.write(JSON.stringify(run(alone === 'interrupted')));

function run(isInterrupted: boolean): Ran {
  const perDay = Math.round(86_400_000 / everyMs);
  // At an odd time of each day.
  const restarts = isInterrupted
    ? Array.from({ length: days }, (_, day) => day * perDay + ((day * 37 + 11) % perDay))
    : [];
  const rssMb: number[] = [];
  const soaked = soak({
    series,
    days,
    everyMs,
    restarts: new Set(restarts),
    onDay: (day) => {
      rssMb.push(process.memoryUsage.rss() / 2 ** 20);
      process.stderr.write(`day ${day}: ${rssMb.at(-1)?.toFixed(0)} MiB\n`);
    },
  });
  const { user, system } = process.cpuUsage();
  return { ...soaked, cpuS: (user + system) / 1e6, rssMb };
}

async function inProcess(which: string): Promise<Ran> {
  const child = spawn(
    process.execPath,
    ['--max-semi-space-size=2', import.meta.filename, ...process.argv.slice(2), `--run=${which}`],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`the ${which} run ended with ${String(code)}`);
  return JSON.parse(text) as Ran;
}

function show(which: string, { cpuS, rssMb, findings, events, deploys, restarts, digest }: Ran): void {
  const put = (name: string, value: number, unit: string): void =>
    report({ bench: 'soak', name: `${which}: ${name}`, value, unit });
  const third = Math.floor(rssMb.length / 3);
  put('processor', cpuS, 's');
  put('memory after a third of the time', rssMb[third] ?? NaN, 'MiB');
  put('memory at the end', rssMb.at(-1) ?? NaN, 'MiB');
  put('most memory at the end of a day', Math.max(...rssMb), 'MiB');
  for (const [name, value] of Object.entries({ findings, events, deploys, restarts })) put(name, value, '');
  process.stdout.write(`${which}: digest of all that was said ${digest}\n`);
}
