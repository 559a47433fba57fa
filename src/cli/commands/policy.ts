import type { Command } from 'commander';

import type * as agentDoor from '../../agent/index.ts';
import type { MatrixRow, PolicyDiff } from '../../agent/index.ts';
import type { Service } from '../../domain/service.ts';
import { exitCodes } from '../exit.ts';
import { verdictWord } from '../render/decision.ts';
import { clean } from '../render/safe.ts';
import { paint, type Style } from '../render/style.ts';
import { count, heading, table } from '../render/words.ts';
import { resourceOptions, sourceOfResources, type ResourceOptions } from '../resource-options.ts';
import { makeCommand, makeGroup, onAction, type Making, type Session } from '../run-command.ts';
import { absolute } from '../shell.ts';
import { collect, required, textPairs } from '../values.ts';

interface Options extends ResourceOptions {
  readonly label: readonly string[];
}

type InForce = Awaited<ReturnType<typeof agentDoor.openResources>>;
type Agent = typeof agentDoor;

/** `policy`: what the envelope lets happen, and what a change of it would. */
export function policyCommand(making: Making): Command {
  return makeGroup('policy', 'what policies let happen, and what a change of them would')
    .addCommand(checkPart(making))
    .addCommand(matrixPart(making))
    .addCommand(diffPart(making));
}

function sampleOption(command: Command): Command {
  return resourceOptions(command).option(
    '--label <name=value>',
    'a label of the service to try, where none is declared; may be repeated',
    collect,
    [],
  );
}

function checkPart(making: Making): Command {
  const command = resourceOptions(
    makeCommand('check', 'parse the policies in force, and name those without a test of a denial'),
  );
  return onAction<ResourceOptions>(making, command, async ({ shell, options, emit }) => {
    const { openResources, testResources } = await import('../../agent/index.ts');
    const place = { ...sourceOfResources(shell, options), signal: shell.signal };
    const { resources } = await openResources(place, shell.clock.nowMs());
    const { lint, coverage } = await testResources(place, []);
    const problems = lint.filter((text) => /\bpolicy\b/.test(text));
    const names = resources.policies.policies.map(({ name }) => name);
    const ok = problems.length === 0;
    emit({ ok, policies: names, digest: resources.policies.digest, problems, unreached: coverage.unreached }, (style) =>
      [
        ...problems.map((text) => clean(text, 600)),
        `${ok ? paint(style, 'ok', 'green') : paint(style, 'not ok', 'red')}: ${names.map((name) => clean(name, 80)).join(', ')} (${resources.policies.digest.slice(0, 12)})`,
        ...coverage.unreached.map((rule) => `never reached by a test: ${clean(rule, 200)}`),
      ].join('\n'),
    );
    return ok ? exitCodes.ok : exitCodes.no;
  });
}

function matrixPart(making: Making): Command {
  const command = sampleOption(
    makeCommand('matrix', 'the most that may happen: every runbook step against every service'),
  );
  return onAction<Options>(making, command, async (session) => {
    const { agent, inForce } = await opened(session);
    const nowMs = session.shell.clock.nowMs();
    const rows = agent.matrixFor(inForce.resources, servicesOf(agent, inForce, session), nowMs);
    session.emit({ rows }, (style) => renderMatrix(rows, style));
    return undefined;
  });
}

function diffPart(making: Making): Command {
  const command = sampleOption(
    makeCommand('diff', 'what other policies newly allow and newly deny; exit 1 when they allow more'),
  )
    .argument('<before>', 'a folder of policies')
    .argument('<after>', 'the folder that would take its place');
  return onAction<Options>(making, command, async (session) => {
    const { shell, args, emit } = session;
    const { agent, inForce } = await opened(session);
    const nowMs = shell.clock.nowMs();
    const folder = (index: number) =>
      agent.openFolder(absolute(shell, required(args, index)), inForce.config, nowMs, shell.signal);
    const [before, after] = [await folder(0), await folder(1)];
    const diff = agent.diffOf(before, after, inForce.resources, servicesOf(agent, inForce, session), nowMs);
    emit(diff, (style) => renderDiff(diff, style));
    return diff.wider.length === 0 ? exitCodes.ok : exitCodes.no;
  });
}

async function opened({
  shell,
  options,
}: Session<Options>): Promise<{ readonly agent: Agent; readonly inForce: InForce }> {
  const agent = await import('../../agent/index.ts');
  const place = { ...sourceOfResources(shell, options), signal: shell.signal };
  return { agent, inForce: await agent.openResources(place, shell.clock.nowMs()) };
}

// Policies select by labels: with no service declared there must be one to try them on.
function servicesOf(agent: Agent, { resources }: InForce, { options }: Session<Options>): readonly Service[] {
  const labels = textPairs(options.label);
  if (resources.services.length > 0 && options.label.length === 0) return resources.services;
  return [agent.sampleService('any-service', labels)];
}

function renderMatrix(rows: readonly MatrixRow[], style: Style): string {
  if (rows.length === 0) return 'No runbook is in force.';
  return table(
    style,
    rows.map((row) => [
      `${clean(row.runbook, 60)} ${clean(row.step, 40)}`,
      clean(row.service, 60),
      verdictWord(style, row.outcome),
      clean(row.because),
    ]),
    '',
  );
}

function renderDiff({ wider, narrower }: PolicyDiff, style: Style): string {
  const block = (title: string, changes: PolicyDiff['wider']): readonly string[] => {
    if (changes.length === 0) return [];
    const rows = changes.map(({ before, after }) => [
      `${clean(after.runbook, 60)} ${clean(after.step, 40)} on ${clean(after.service, 60)}`,
      `${verdictWord(style, before.outcome)} -> ${verdictWord(style, after.outcome)}`,
      `${clean(after.rule, 100)} (cause ${after.world.cause}, ${Math.round(after.world.confidence * 100)}% sure, ${Math.round(after.world.budgetRemaining * 100)}% of the error budget left${after.world.earned ? ', with a good record' : ''})`,
    ]);
    return [heading(style, title), table(style, rows)];
  };
  if (wider.length + narrower.length === 0) return 'Nothing changes for the runbooks and services in force.';
  return [
    ...block('Newly allowed', wider),
    ...block('Newly denied', narrower),
    `${count(wider.length, 'case')} wider, ${narrower.length} narrower`,
  ].join('\n');
}
