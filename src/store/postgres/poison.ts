import { WatchkeeperError } from '../../lib/errors.ts';

/** Whether the store may still be used. Shared by its parts. */
export interface Poison {
  /** The first reason is kept. */
  put(fault: WatchkeeperError): WatchkeeperError;
  /** @throws WatchkeeperError `store-failed` once poisoned. */
  refuse(): void;
}

/** A store begins without. */
export function noPoison(): Poison {
  let poison: WatchkeeperError | undefined;
  return {
    put: (fault) => {
      poison ??= fault;
      return fault;
    },
    refuse: () => {
      if (poison === undefined) return;
      throw new WatchkeeperError('store-failed', `the store can no longer be used: ${poison.message}`, {
        fix: 'Stop acting, look after the cause, and start again; what was acknowledged is safe.',
        cause: poison,
      });
    },
  };
}
