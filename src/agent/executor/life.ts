import { WatchkeeperError } from '../../lib/errors.ts';
import type { ExecutionEvent, ExecutorDeps } from './types.ts';

/** Whether the executor may still act, and its voice. */
export interface Life {
  /** Whether the agent took it. */
  emit(event: ExecutionEvent): Promise<boolean>;
  /** @throws the fault that halted the executor. */
  assertAlive(): void;
  /** Ends all acting in this process. The first fault is kept. */
  halt(fault: WatchkeeperError): void;
  halted(): WatchkeeperError | undefined;
  /** Fires when the executor halts: everything in flight is told to stop. */
  readonly signal: AbortSignal;
}

/** Makes the life of one executor: it ends at the first fault of the store, and nothing acts after that. */
export function createLife(deps: ExecutorDeps): Life {
  const control = new AbortController();
  let fault: WatchkeeperError | undefined;
  const emit = async (event: ExecutionEvent): Promise<boolean> => {
    try {
      await deps.onEvent(event);
      return true;
    } catch (thrown) {
      const { message } = WatchkeeperError.from(thrown);
      deps.operatorIo.log.error('an execution event was not taken', { kind: event.kind, error: message });
      return false;
    }
  };
  return {
    emit,
    signal: control.signal,
    halted: () => fault,
    assertAlive: () => {
      if (fault !== undefined) throw fault;
    },
    halt: (thrown) => {
      if (fault !== undefined) return;
      fault = thrown;
      control.abort(thrown);
      void emit({ kind: 'halted', because: thrown.message });
    },
  };
}
