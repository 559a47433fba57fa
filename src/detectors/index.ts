/**
 * Detectors say what is wrong now. Each is a fold: samples, log lines, changes and gaps go in a step at a time, findings
 * come out, and a small serialisable state carries everything over a restart. Nothing here reads a clock, draws a
 * number or touches the world; time is what the batch says it is, so a recording replays to the same findings.
 *
 * What is shared by all kinds that look at series (bounded number, silence, gaps, forgetting, saving) lives in
 * `bank.ts`; a kind is then a pure fold over one series. What is deliberately absent: hold, clear and flap handling,
 * which belong to alerts (incidents/), and any muting after a deploy.
 */
export { createDetector, detectorWarmupMs } from './create.ts';
export { detectorSchema, parseDetector } from './definition.ts';
export { holdAndClear, type Held, type Holding } from './hold.ts';
export { detectorKinds, type AnyDetectorKind } from './kinds.ts';
export { replay, type Recording } from './replay.ts';
export { parseDetectorTests, type DetectorTestCase } from './testing-schema.ts';
export { runDetectorTests, type DetectorTestResult } from './testing.ts';
