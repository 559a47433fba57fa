import type { PlanView } from '../../agent/index.ts';
import { renderDecision, renderPlan } from './decision.ts';
import { clean } from './safe.ts';
import { paint, type Style } from './style.ts';
import { heading, wrap } from './words.ts';

/** What a runbook would do now: whether it applies, the plan, and what the policies say of it. */
export function renderPlanView(view: PlanView, style: Style): string {
  const { match, plan, decision } = view;
  const applies = match.matched ? paint(style, 'applies', 'green') : paint(style, 'does not apply', 'yellow');
  return [
    wrap(
      style,
      `${clean(view.runbook, 100)} ${applies} to ${clean(view.service, 100)}: ${clean(match.because)}`,
      '  ',
      '',
    ),
    ...(view.because === undefined ? [] : [wrap(style, `no plan: ${clean(view.because, 600)}`, '  ', '')]),
    ...(plan === undefined ? [] : ['', heading(style, 'Plan'), ...renderPlan(plan, style)]),
    ...(decision === undefined ? [] : ['', heading(style, 'Decision'), ...renderDecision(decision, style)]),
    '',
    paint(style, 'Nothing was changed by asking.', 'dim'),
  ].join('\n');
}
