/**
 * Runs the benches one after another and prints what they measured as one table, then as one JSON line a figure:
 * `npm run bench`, or `node bench/run.mjs NAME...` for some of them. Exits with 1 when a bench fails. A bar that is missed is
 * marked and does not fail the run: figures depend on the machine and on what else it is doing; the raw probes beside them
 * say how much.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { loadavg } from 'node:os';
import path from 'node:path';

const folder = import.meta.dirname;
// Measure accuracy on data kept outside the project, whose folder they must be given.
const needsData = new Set(['diagnosis', 'nab']);
// Parts of benches, not benches.
const shared = new Set(['report']);
const deadlineMs = 15 * 60_000;

const known = readdirSync(folder)
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.slice(0, -'.ts'.length))
  .filter((name) => !shared.has(name));
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`no such bench: ${unknown.join(', ')}. There are: ${known.join(', ')}\n`);
  process.exit(2);
}
const chosen = asked.length > 0 ? asked : known.filter((name) => !needsData.has(name));

const figures = [];
const failed = [];
for (const name of chosen) {
  process.stdout.write(`# ${name} (load ${loadavg()[0].toFixed(1)})\n`);
  const { lines, code } = await run(name);
  for (const line of lines) {
    const found = figuresIn(name, line);
    if (found.length === 0) process.stdout.write(`${line}\n`);
    figures.push(...found);
  }
  if (code !== 0) failed.push(name);
}
process.stdout.write(`\n${table(figures)}\n\n`);
for (const figure of figures) process.stdout.write(`${JSON.stringify(figure)}\n`);
if (failed.length > 0) process.stderr.write(`failed: ${failed.join(', ')}\n`);
process.exitCode = failed.length > 0 ? 1 : 0;

/** Runs one bench under this Node, and gives its lines. What it says of its progress goes straight to the terminal. */
function run(name) {
  const child = spawn(process.execPath, [path.join(folder, `${name}.ts`)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: deadlineMs,
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => (text += chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ lines: text.split('\n').filter((line) => line !== ''), code }));
  });
}

/** The figures of a line of JSON: one of them, or a list. */
function figuresIn(bench, line) {
  let value;
  try {
    value = JSON.parse(line);
  } catch {
    return [];
  }
  return (Array.isArray(value) ? value : [value])
    .filter((figure) => typeof figure?.name === 'string' && typeof figure.value === 'number')
    .map((figure) => ({ bench, ...figure }));
}

function table(all) {
  const rows = all.map((figure) => [figure.bench, figure.name, shown(figure.value), figure.unit ?? '', barOf(figure)]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(0, ...rows.map((row) => row[column].length)));
  return rows
    .map(([bench, name, value, unit, bar]) =>
      [bench.padEnd(widths[0]), name.padEnd(widths[1]), value.padStart(widths[2]), unit.padEnd(widths[3]), bar]
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function shown(value) {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 4 });
}

function barOf({ value, atLeast, atMost }) {
  if (atLeast !== undefined) return `${value >= atLeast ? 'meets' : 'MISSES'} at least ${shown(atLeast)}`;
  if (atMost !== undefined) return `${value <= atMost ? 'meets' : 'MISSES'} at most ${shown(atMost)}`;
  return '';
}
