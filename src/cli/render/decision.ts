import type { Decision, RuleConsidered } from '../../domain/authority.ts';
import type { Plan } from '../../domain/remediation.ts';
import type { MatchView } from '../../agent/index.ts';
import { clean } from './safe.ts';
import { paint, type Paint, type Style } from './style.ts';
import { clockTime, relative, shortId, table, wrap } from './words.ts';
import { formatDuration } from '../../lib/duration.ts';

const outcomes: Readonly<Record<Decision['outcome'], readonly [string, Paint]>> = {
  allow: ['allowed', 'green'],
  'require-approval': ['a person must agree', 'yellow'],
  deny: ['denied', 'red'],
};

/** A verdict in a word or two. */
export function verdictWord(style: Style, outcome: Decision['outcome']): string {
  const [word, colour] = outcomes[outcome];
  return paint(style, word, colour, 'bold');
}

/** A decision: the verdict, the rule that decided, and then every rule that was looked at, the ones that spoke first. */
export function renderDecision(decision: Decision, style: Style): readonly string[] {
  const about = decision.stepId === undefined ? 'the plan' : `step ${clean(decision.stepId, 80)}`;
  const code = decision.code === undefined ? '' : ` (${clean(decision.code, 40)})`;
  const spoke = decision.considered.filter((rule) => rule.says !== 'not-applicable');
  const silent = decision.considered.length - spoke.length;
  return [
    `  ${verdictWord(style, decision.outcome)}${code}: ${about}, at ${clockTime(style, decision.atMs)}`,
    ...decision.reasons.slice(0, 3).map((reason) => wrap(style, clean(reason, 600), '      ', '    - ')),
    table(
      style,
      spoke.map((rule) => ruleRow(rule, style)),
      '    ',
    ),
    ...(silent === 0 ? [] : ['    did not apply:', ...unspoken(decision, style)]),
  ].filter((line) => line !== '');
}

function ruleRow({ rule, says, because }: RuleConsidered, style: Style): readonly string[] {
  const colour: Paint = says === 'allow' ? 'green' : says === 'deny' ? 'red' : 'yellow';
  return [paint(style, says, colour), clean(rule, 100), clean(because)];
}

function unspoken(decision: Decision, style: Style): readonly string[] {
  const rows = decision.considered
    .filter((rule) => rule.says === 'not-applicable')
    .map(({ rule, because }) => [clean(rule, 100), clean(because)]);
  return [paint(style, table({ ...style, colour: false }, rows, '      '), 'dim')];
}

/** A plan: what would be done, line by line before and after, and how much it touches. */
export function renderPlan(plan: Plan, style: Style): readonly string[] {
  const lines = [
    `  ${paint(style, clean(plan.runbook.name, 100), 'bold')} on ${clean(plan.service, 100)}  ${paint(style, `plan ${shortId(plan.id)}`, 'dim')}`,
    wrap(style, clean(plan.runbook.summary), '    '),
    wrap(style, `because ${clean(plan.because)}`, '    '),
  ];
  for (const [index, step] of plan.steps.entries()) {
    const { touched, total, healthyAfter, targets, dependents } = step.blast;
    const traits = [
      step.traits.reversible ? 'can be undone' : 'cannot be undone',
      ...(step.traits.destructive ? ['can lose data'] : []),
      `within ${formatDuration(step.timeoutMs)}`,
    ];
    lines.push(
      wrap(style, `${index + 1}. ${clean(step.describe)}`, '       ', '    '),
      ...step.diff.map((line) => `         ${diffLine(line, style)}`),
      wrap(
        style,
        `touches ${touched} of ${total} (${targets.map((one) => clean(one, 120)).join(', ')}), leaves ${healthyAfter} healthy; ${traits.join(', ')}`,
        '       ',
      ),
      ...(dependents.length === 0
        ? []
        : [wrap(style, `depend on it: ${dependents.map((one) => clean(one, 80)).join(', ')}`, '       ')]),
      ...step.require.map((rule) => wrap(style, `only if ${clean(rule)}`, '       ')),
      ...step.abortIf.map((rule) => wrap(style, `stops if ${clean(rule)}`, '       ')),
    );
  }
  for (const rule of plan.verify) {
    const within = rule.withinMs === undefined ? '' : ` within ${formatDuration(rule.withinMs)}`;
    const lasts = rule.forMs === undefined ? '' : ` for ${formatDuration(rule.forMs)}`;
    const at = rule.atMs === undefined ? '' : ` ${formatDuration(rule.atMs)} later`;
    lines.push(wrap(style, `then ${clean(rule.expect)}${within}${lasts}${at}`, '       ', '    '));
  }
  if (plan.onFail.length > 0) lines.push(`    if not: ${plan.onFail.map((one) => clean(one, 40)).join(', then ')}`);
  if (plan.notWhen !== undefined) lines.push(wrap(style, `mind: ${clean(plan.notWhen)}`, '       ', '    '));
  lines.push(`    good until ${clockTime(style, plan.expiresAtMs)} (${relative(style, plan.expiresAtMs)})`);
  return lines;
}

function diffLine(line: string, style: Style): string {
  const text = clean(line, 300);
  if (text.startsWith('-')) return paint(style, text, 'red');
  return text.startsWith('+') ? paint(style, text, 'green') : text;
}

/** Which runbooks applied, and of the others why not. */
export function renderMatches(matches: readonly MatchView[], style: Style): string {
  const sorted = [...matches].sort((a, b) => Number(b.matched) - Number(a.matched));
  return table(
    style,
    sorted.map(({ runbook, matched, because }) => [
      matched ? paint(style, 'applies', 'green') : paint(style, 'does not', 'dim'),
      clean(runbook, 80),
      clean(because),
    ]),
  );
}
