import { describe, expectTypeOf, it } from 'vitest';

import type {
  AnswerResult,
  IncidentPage,
  IncidentView,
  LedgerView,
  MatrixRow,
  PlanView,
  ReadEntry,
  StatusView,
} from '../../src/agent/index.ts';
import type * as wire from '../../src/ui/wire.ts';

// The page may not import the agent, not even its types. Were an answer to lose what the page reads, this file would no
// longer compile.
describe('what the page reads', () => {
  it('is in what the agent gives', () => {
    expectTypeOf<StatusView>().toExtend<wire.Status>();
    expectTypeOf<IncidentView>().toExtend<wire.IncidentWhole>();
    expectTypeOf<IncidentPage>().toExtend<wire.IncidentPage>();
    expectTypeOf<PlanView>().toExtend<wire.WhatIf>();
    expectTypeOf<AnswerResult>().toExtend<wire.AnswerResult>();
    expectTypeOf<MatrixRow>().toExtend<wire.MatrixRow>();
    expectTypeOf<LedgerView>().toExtend<wire.LedgerHead>();
    expectTypeOf<ReadEntry>().toExtend<wire.ListedEntry>();
  });
});
