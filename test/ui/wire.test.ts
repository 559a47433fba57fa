import { describe, expectTypeOf, it } from 'vitest';

import type {
  AnswerResult,
  ApprovalView,
  Charts,
  EntryProof,
  IncidentPage,
  IncidentView,
  LedgerView,
  MatrixRow,
  PlanView,
  Overview,
  ReadEntry,
  RequestResult,
  RunbookView,
  ServiceDetail,
  ServiceView,
} from '../../src/agent/index.ts';
import type * as wire from '../../src/ui/wire.ts';

// The page may not import the agent, not even its types. Were an answer to lose what the page reads, this file would no
// longer compile.
describe('what the page reads', () => {
  it('is in what the agent gives', () => {
    expectTypeOf<Overview>().toExtend<wire.Overview>();
    expectTypeOf<ServiceView>().toExtend<wire.ServiceNow>();
    expectTypeOf<ServiceDetail>().toExtend<wire.ServiceWhole>();
    expectTypeOf<Charts>().toExtend<wire.Charts>();
    expectTypeOf<ApprovalView>().toExtend<wire.Question>();
    expectTypeOf<RunbookView>().toExtend<wire.RunbookBrief>();
    expectTypeOf<RequestResult>().toExtend<wire.RequestResult>();
    expectTypeOf<EntryProof>().toExtend<wire.EntryProof>();
    expectTypeOf<IncidentView>().toExtend<wire.IncidentWhole>();
    expectTypeOf<IncidentPage>().toExtend<wire.IncidentPage>();
    expectTypeOf<PlanView>().toExtend<wire.WhatIf>();
    expectTypeOf<AnswerResult>().toExtend<wire.AnswerResult>();
    expectTypeOf<MatrixRow>().toExtend<wire.MatrixRow>();
    expectTypeOf<LedgerView>().toExtend<wire.LedgerHead>();
    expectTypeOf<ReadEntry>().toExtend<wire.ListedEntry>();
  });
});
