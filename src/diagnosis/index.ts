/**
 * Why it happened. Pure: incident and evidence in, ranked hypotheses out, "inconclusive" among the answers.
 *
 * `sceneOf` works out once what all hypotheses look at: the onset (a change-point, not the alert's time), how each
 * series moved, which errors are new. Each file `suspect-*.ts` proposes hypotheses with notes for and against; `weigh`
 * caps each modality, lets a deeper cause explain a shallower one away, and turns scores into shares of belief with
 * "unknown" among them. A deploy that is merely recent cannot win: see `isOnlyRecent`. The method follows what held up
 * on public benchmarks: robust median shifts and the call graph, and no causal graph learned from metrics.
 *
 * Text from logs, changes and alerts is untrusted: it is matched against fixed patterns, compared as words, cut and
 * flattened before it is shown, and never followed.
 */
export { actsOf } from './acts.ts';
export { diagnose } from './diagnose.ts';
export { evidenceNeeds } from './needs.ts';
export type { EvidenceNeeds } from './needs.ts';
export type { DiagnoseInput } from './scene.ts';
