// Adds up vitest's JSON reports of a run: prints `watchkeeper: N passed, N failed`, and exits 1 unless all is well.
// usage: node .ci/summary.mjs FOLDER FAILED_STEPS
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const [folder = '.', steps = '0'] = process.argv.slice(2);
const failedSteps = Number(steps);
let passed = 0;
let failed = 0;
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .sort();
for (const name of names) {
  const report = JSON.parse(readFileSync(path.join(folder, name), 'utf8'));
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  for (const file of report.testResults) {
    // A file that could not even be loaded has no failed test in it, and is a failure all the same.
    const broken = file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed');
    if (broken) failed += 1;
    for (const test of file.assertionResults)
      if (test.status === 'failed') console.log(`failed: ${path.basename(file.name)}: ${test.fullName}`);
    if (broken) console.log(`failed: ${path.basename(file.name)} could not be run`);
  }
}
if (names.length === 0) console.log('no test report was written');
const bad = failedSteps > 0 || names.length === 0;
if (bad && failed === 0) failed = Math.max(1, failedSteps);
console.log(`watchkeeper: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
