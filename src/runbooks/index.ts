/**
 * Runbooks: what to do about it.
 *
 * `parseRunbook` reads what people write and checks every expression, template and action parameter; `matchRunbooks`
 * says which are for an incident, and of the others why not; `resolveSteps` fills one in and `assemblePlan` makes the
 * immutable plan whose id is its digest. Around an act, `checkConditions` evaluates `require` and `abortIf` on live
 * state, and `verifyStep` says whether it helped, `inconclusive` included. When nothing matches, `suggestSteps` says what
 * a person could do. `runResourceTests` runs the tests that lie beside runbooks and policies. Pure: the agent looks at
 * the world through the actions and hands in what it saw.
 */
export { checkConditions, whyBlocked } from './conditions.ts';
export type { ConditionFacts, ConditionOutcome } from './conditions.ts';
export { conditionEnvironment, matchEnvironment, templateEnvironment, verifyEnvironment } from './environment.ts';
export { lintRunbook } from './lint.ts';
export { matchRunbooks } from './match.ts';
export type { Budgets, MatchReport, RunbookFacts } from './match.ts';
export { parseRunbook, runbookSchema } from './parse.ts';
export { assemblePlan, resolveSteps } from './resolve.ts';
export type { LookedAt, PlanParts, ResolvedRunbook, ResolvedStep } from './resolve.ts';
export type { ParamRule, Runbook, RunbookAction, RunbookContext, RunbookStep } from './runbook.ts';
export { baselines, ofInstance, rememberedBaselines, signalSamples } from './signals.ts';
export { suggestSteps } from './suggest.ts';
export type { SuggestionFacts } from './suggest.ts';
export { resourceTestsSchema } from './test-schema.ts';
export type { ResourceTest } from './test-schema.ts';
export type { TestWorld } from './test-world.ts';
export { runResourceTests } from './testing.ts';
export type { TestPorts, TestResult } from './testing.ts';
export { compileExpectation, verifyStep } from './verify.ts';
export type { Expectation, SamplesBySignal } from './verify.ts';
