import type { CloudUse } from '../../../domain/ports/cloud.ts';

/** Counts calls and adds up what they are reckoned to cost. */
export interface Tally {
  /** A call was made, at so many dollars. */
  count(api: string, dollars: number): void;
  /** What an answer says that its call cost beside. */
  add(dollars: number): void;
  use(): CloudUse;
}

/** Makes one at nothing. */
export function createTally(): Tally {
  const calls = new Map<string, number>();
  let dollars = 0;
  return {
    count: (api, cost) => {
      calls.set(api, (calls.get(api) ?? 0) + 1);
      dollars += cost;
    },
    add: (cost) => {
      dollars += cost;
    },
    use: () => ({ calls: Object.fromEntries(calls), dollars }),
  };
}
