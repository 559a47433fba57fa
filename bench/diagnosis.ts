/**
 * How often diagnosis is right, on labelled incidents kept outside the project:
 *
 *     node bench/diagnosis.ts FOLDER [--explain]
 *
 * FOLDER holds `rootcausebench/CASE/` (alert, metrics, logs, traces, deploys, flags, ground truth: edgedelta/root-cause-bench)
 * and `petshop/{low,high}_traffic/` (amazon-science/petshop-root-cause-analysis). Only what was visible when the alert
 * fired is shown to it.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

import { diagnose } from '../src/diagnosis/index.ts';
import type { Diagnosis } from '../src/domain/diagnosis.ts';
import { petshopCases } from './diagnosis/petshop.ts';
import { rootCauseBenchCases } from './diagnosis/rootcausebench.ts';
import type { Case } from './diagnosis/case.ts';

const [folder, flag] = process.argv.slice(2);
if (folder === undefined || !existsSync(folder)) {
  process.stderr.write('usage: node bench/diagnosis.ts FOLDER [--explain]\n');
  process.exit(2);
}
const has = (name: string): boolean => readdirSync(folder).includes(name);
const sets: [string, readonly Case[]][] = [];
if (has('rootcausebench')) sets.push(['rootcausebench', rootCauseBenchCases(join(folder, 'rootcausebench'))]);
if (has('petshop'))
  for (const set of readdirSync(join(folder, 'petshop'))
    .filter((name) => name.endsWith('_traffic'))
    .sort())
    sets.push([`petshop/${set}`, petshopCases(join(folder, 'petshop', set))]);

const stated: { readonly confidence: number; readonly right: boolean }[] = [];
const tookMs: number[] = [];
for (const [name, cases] of sets) report(name, cases);
calibration();
tookMs.sort((a, b) => a - b);
print(
  `time per diagnosis: median ${tookMs[Math.floor(tookMs.length / 2)]?.toFixed(1)} ms, worst ${tookMs.at(-1)?.toFixed(1)} ms`,
);

function report(name: string, cases: readonly Case[]): void {
  const count = { top1: 0, top3: 0, answered: 0, rightAnswers: 0, blamed: 0, decoys: 0 };
  for (const one of cases) {
    const began = performance.now();
    const diagnosis = diagnose(one.input);
    tookMs.push(performance.now() - began);
    const ranked = diagnosis.hypotheses.filter((hypothesis) => hypothesis.ruledOut === undefined);
    const at = ranked.findIndex((hypothesis) => one.isRight(hypothesis));
    // Where nothing that was offered is to blame, saying so is right.
    const right = at === 0 || (one.abstainIsRight && diagnosis.verdict === 'inconclusive');
    if (right) count.top1++;
    if (right || (at >= 0 && at < 3)) count.top3++;
    if (diagnosis.verdict === 'conclusive') {
      count.answered++;
      if (at === 0) count.rightAnswers++;
    }
    if (one.latestDeploy !== undefined) {
      count.decoys++;
      if (diagnosis.verdict === 'conclusive' && diagnosis.changeId === one.latestDeploy) count.blamed++;
    }
    if (ranked[0] !== undefined) stated.push({ confidence: ranked[0].confidence, right: at === 0 });
    print(
      `${right ? 'right' : 'WRONG'} ${one.name.padEnd(40)} ${diagnosis.verdict.padEnd(12)} ${(diagnosis.confidence * 100).toFixed(0).padStart(3)}%  ${ranked[0]?.id ?? '-'}`,
    );
    if (flag === '--explain') explain(diagnosis, one);
  }
  const of = (n: number, all: number): string => `${n}/${all}`;
  print(
    `${name}: top-1 ${of(count.top1, cases.length)}, top-3 ${of(count.top3, cases.length)}, answered ${of(count.answered, cases.length)}, right when answered ${of(count.rightAnswers, count.answered)}, an innocent latest deploy blamed ${of(count.blamed, count.decoys)}\n`,
  );
}

function explain(diagnosis: Diagnosis, one: Case): void {
  print(`  truth: ${one.truth}; onset tools: ${diagnosis.summary}`);
  for (const hypothesis of diagnosis.hypotheses.slice(0, 8)) {
    print(
      `  ${(hypothesis.confidence * 100).toFixed(1).padStart(5)}% ${hypothesis.id} ${hypothesis.ruledOut === undefined ? '' : `RULED OUT: ${hypothesis.ruledOut}`}`,
    );
    for (const note of [...hypothesis.for, ...hypothesis.against])
      print(`         ${note.weight.toFixed(2).padStart(6)} ${note.text}`);
  }
}

function calibration(): void {
  print('stated confidence of the first hypothesis -> how often it is right');
  for (const low of [0, 0.3, 0.5, 0.7, 0.8, 0.9]) {
    const high = [0.3, 0.5, 0.7, 0.8, 0.9, 1.01][[0, 0.3, 0.5, 0.7, 0.8, 0.9].indexOf(low)] ?? 1;
    const bin = stated.filter(({ confidence }) => confidence >= low && confidence < high);
    if (bin.length > 0)
      print(
        `  ${low.toFixed(1)}-${Math.min(1, high).toFixed(1)}: ${bin.filter(({ right }) => right).length} of ${bin.length}`,
      );
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
