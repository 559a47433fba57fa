// Records what a Windows host answers to the reading script, as the tests have it: node scripts/record-windows.mjs HOST > NAME.json
// HOST is a destination of ssh(1), with its keys and options. Nothing is written on the host. Look through what was recorded for names
// of people and machines before you give it to anybody.
import { spawnSync } from 'node:child_process';

import { powershellInput, powershellLine } from '../src/io/clients/ssh/powershell.ts';
import { parseFrame } from '../src/io/clients/windows/frame.ts';
import { everyLook } from '../src/sources/ssh/windows/ask.ts';
import { parseDocument } from '../src/sources/ssh/windows/document.ts';
import { readWindowsScript } from '../src/sources/ssh/windows/script/index.ts';

const host = process.argv[2];
if (host === undefined || host.startsWith('-')) {
  process.stderr.write('usage: node scripts/record-windows.mjs HOST > NAME.json\n');
  process.exit(2);
}
const sections = [...everyLook, 'updates'];
const day = 24 * 3_600_000;
const channels = [
  { name: 'System', wanted: 'system', after: null, agoMs: day, most: 50 },
  { name: 'Application', wanted: 'programs', after: null, agoMs: day, most: 50 },
];
const asked = JSON.stringify({ sections, units: ['W32Time'], channels, budgetMs: 60_000 });
const run = spawnSync('ssh', ['-T', '-o', 'BatchMode=yes', host, powershellLine], {
  input: powershellInput(readWindowsScript, [asked]),
  timeout: 120_000,
  maxBuffer: 16 * 1024 * 1024,
});
if (run.error !== undefined) throw run.error;
const given = parseFrame(run.stdout, run.stderr.toString());
const document = parseDocument(given);
process.stdout.write(`${JSON.stringify(given, null, 1)}\n`);
for (const name of sections) {
  const took = given.sections?.[name]?.ms ?? 0;
  try {
    document.section(name);
    process.stderr.write(`${name}: read in ${took} ms\n`);
  } catch (thrown) {
    process.stderr.write(`${name}: ${thrown.code}: ${thrown.message}\n`);
  }
}
process.stderr.write(`exit code ${run.status}, ${run.stdout.length} bytes\n`);
