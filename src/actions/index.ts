/**
 * The hands: everything that can change the world is in this folder, and nothing else is ever given an OperatorIo.
 *
 * Each kind says what it touches, looks before and after, records what it needs to go back, and can be asked whether it
 * happened. None decides whether it should: that is policy's, asked by the executor right before each `run`. Parameters
 * come from runbooks, through strict schemas; there is no shell, no template and no free-form command anywhere here.
 *
 * A new kind is one file and one line below; test/contract/action.ts says what it must keep.
 */
import type { ActionKind } from '../domain/ports/action.ts';
import { diskReclaim } from './host/disk-reclaim.ts';
import { processSignal } from './host/process-signal.ts';
import { releaseRollback } from './host/release-rollback.ts';
import { serviceRestart } from './host/service-restart.ts';
import { httpRequest } from './http/request.ts';

/** Every kind of action by its name. A new kind is a file, and one line here. */
export const actionKinds: Readonly<Record<string, ActionKind>> = {
  'host.service-restart': serviceRestart,
  'host.release-rollback': releaseRollback,
  'host.process-signal': processSignal,
  'host.disk-reclaim': diskReclaim,
  'http.request': httpRequest,
};

export { defineAction } from './define-action.ts';
