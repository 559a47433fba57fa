import type { Decision } from '../domain/authority.ts';
import type { Observation, Plan } from '../domain/remediation.ts';
import type { Service } from '../domain/service.ts';
import { checkConditions } from './conditions.ts';
import { matchRunbooks } from './match.ts';
import { assemblePlan, resolveSteps, type LookedAt, type ResolvedRunbook } from './resolve.ts';
import type { Runbook, RunbookContext } from './runbook.ts';
import type { Given, ResourceTest } from './test-schema.ts';
import { givenFacts, givenHistory, givenObservation, givenService, type TestWorld } from './test-world.ts';
import type { Parsed } from '../lib/issues.ts';

/** What cases are run against. The policy room is handed in: rooms do not know one another. */
export interface TestPorts {
  readonly runbooks: readonly Runbook[];
  readonly context: RunbookContext;
  readonly services: ReadonlyMap<string, Service>;
  /** Decides as if these people had just answered; `policies` are names, and all that are loaded when absent. */
  decide(
    world: TestWorld,
    answers: readonly { readonly by: string; readonly verdict: 'approve' | 'deny' }[],
    policies: readonly string[] | undefined,
  ): Decision;
}

/** How one case went. */
export interface TestResult {
  readonly name: string;
  /** Each a sentence: what was expected and what came. Empty: it passed. */
  readonly failures: readonly string[];
  /** What the policy decided, when it came to that; for `--verbose` and for people who write tests. */
  readonly decision?: Decision;
}

/** Runs the cases of one file. Pure: the same cases give the same results. */
export function runResourceTests(tests: readonly ResourceTest[], ports: TestPorts): readonly TestResult[] {
  return tests.map((test, index) => runTest(test, test.name ?? `case ${index + 1}`, ports));
}

interface Came {
  readonly runbook: string;
  readonly actions: readonly string[];
  readonly decision: string;
  readonly because: string;
  readonly by: string;
  readonly autonomy: string;
  readonly approval: readonly string[];
  readonly escalates: boolean;
}

function runTest(test: ResourceTest, name: string, ports: TestPorts): TestResult {
  const { given, expect } = test;
  const service = givenService(given, ports.services);
  const facts = givenFacts(given, service);
  const candidates = choose(given, facts, ports);
  if (candidates.length === 0) {
    // Nothing matches: people are told (I14), and there is nothing to decide.
    const came = { runbook: 'none', escalates: true, actions: [] };
    return { name, failures: compare(expect, came) };
  }
  const made: Judged[] = [];
  const faults: string[] = [];
  for (const candidate of candidates) {
    const judged = candidate.ok
      ? judge(given, candidate.value, { ...facts, service }, ports)
      : `it could not be filled in: ${candidate.issues[0]?.message ?? ''}`;
    if (typeof judged === 'string') faults.push(judged);
    else made.push(judged);
    // As the agent goes: only a precondition that is not met is a reason to look at the next runbook.
    if (typeof judged !== 'string' && judged.decision.code !== 'require') break;
  }
  const chosen = made.find(({ decision }) => decision.outcome !== 'deny') ?? made[0];
  if (chosen === undefined) return { name, failures: faults.slice(0, 1) };
  const { decision } = chosen;
  const failures = compare(expect, cameOf(chosen));
  // Whoever reads that a case failed wants to know next what the policy said.
  return { name, failures: failures.length > 0 ? [...failures, ...decision.reasons.slice(0, 1)] : [], decision };
}

interface Judged {
  readonly plan: Plan;
  readonly decision: Decision;
}

// What would be decided about one runbook, or why there is no plan.
function judge(
  given: Given,
  resolved: ResolvedRunbook,
  facts: ReturnType<typeof givenFacts>,
  ports: TestPorts,
): Judged | string {
  const observation = givenObservation(given, facts.service, facts.asOfMs);
  const look = (): LookedAt => ({ target: observation.target, observation, preview: { describe: '', diff: [] } });
  const plan = assemblePlan({
    resolved,
    looked: Object.fromEntries(resolved.steps.map((step) => [step.id, look()])),
    incidentId: facts.incident.id,
    service: facts.service.name,
    diagnosisId: 'test',
    because: 'a test asks for it',
    proposedBy: 'watchkeeper',
    asOfMs: facts.asOfMs,
  });
  if (!plan.ok) return `no plan: ${plan.issues[0]?.message ?? ''}`;
  const world = worldOf(given, plan.value, { ...facts, observation });
  return { plan: plan.value, decision: ports.decide(world, given.answers, given.policies) };
}

function cameOf({ plan, decision }: Judged): Came {
  return {
    runbook: plan.runbook.name,
    actions: plan.steps.map((step) => step.action),
    decision: decision.outcome,
    because: decision.code ?? '',
    by: decision.decidedBy,
    autonomy: decision.autonomy,
    approval: decision.approval?.from ?? [],
    escalates: decision.outcome !== 'allow',
  };
}

function worldOf(
  given: Given,
  plan: Plan,
  facts: ReturnType<typeof givenFacts> & { readonly observation: Observation },
): TestWorld {
  const { observation, ...rest } = facts;
  return {
    ...rest,
    epoch: 1,
    plan,
    observations: Object.fromEntries(plan.steps.map((step) => [step.id, observation])),
    conditions: plan.steps.flatMap((step) => checkConditions(step, { ...facts, signals: given.signals })),
    inFlight: given.inFlight.map((act) => ({
      by: 'somebody else',
      service: act.service,
      targetKey: act.target,
      action: act.action,
      touched: act.touched,
      sinceMs: facts.asOfMs - 60_000,
    })),
    history: givenHistory(given, plan, observation),
    groups: given.groups,
    serviceHealth: given.health,
    agent: {
      unwell: given.unwell,
      ...(given.paused ? { paused: { by: 'somebody', atMs: facts.asOfMs, reason: 'a test' } } : {}),
    },
    ceiling: given.ceiling,
  };
}

// The runbooks that match, best first, or the action itself where a case is about a policy alone.
function choose(
  given: Given,
  facts: ReturnType<typeof givenFacts>,
  { runbooks, context }: TestPorts,
): readonly Parsed<ResolvedRunbook>[] {
  if (given.action === undefined) {
    const matched = matchRunbooks(runbooks, facts).filter((report) => report.matched);
    return matched.map(({ runbook }) => resolveSteps(runbook, facts, context, given.params));
  }
  const action = context.actions.get(given.action);
  if (action === undefined)
    return [{ ok: false, issues: [{ path: ['given', 'action'], message: `there is no action ${given.action}` }] }];
  return [
    {
      ok: true,
      value: {
        runbook: bareRunbook,
        params: {},
        steps: [
          {
            id: 'act',
            action: given.action,
            params: given.params,
            traits: action.traits,
            timeoutMs: 60_000,
            retries: 0,
            require: [],
            abortIf: [],
          },
        ],
      },
    },
  ];
}

/** Stands for a runbook where a case is about a policy alone. */
const bareRunbook: Runbook = {
  name: 'none',
  digest: 'none',
  summary: 'A test asks about an action alone',
  services: {},
  priority: 0,
  when: { source: 'true', type: { is: 'bool' }, reads: [], evaluate: () => ({ ok: true, value: true }) },
  clauses: [],
  params: {},
  steps: [],
  verify: [],
  onFail: ['escalate'],
  attempts: { per: 'target', max: 100, inMs: 3_600_000 },
};

function compare(expect: ResourceTest['expect'], came: Partial<Came>): readonly string[] {
  return Object.entries(expect).flatMap(([key, wanted]) => {
    const seen = came[key as keyof Came];
    const same = JSON.stringify(wanted) === JSON.stringify(seen);
    return same
      ? []
      : [
          `expected ${key} ${JSON.stringify(wanted)}, and it is ${seen === undefined ? 'nothing' : JSON.stringify(seen)}`,
        ];
  });
}
