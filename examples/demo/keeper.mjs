// Runs one program, and ends it when told to or when its own standard input ends: nothing outlives the demo.
//   node keeper.mjs PROGRAM ARGUMENTS...
import { spawn } from 'node:child_process';

const [program, ...rest] = process.argv.slice(2);
const child = spawn(program, rest, { stdio: ['ignore', 'inherit', 'inherit'] });
child.on('exit', (code, signal) => process.exit(signal === null ? code : 1));

const end = () => child.kill('SIGTERM');
for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(name, end);
process.stdin.on('end', end).on('error', end).resume();
