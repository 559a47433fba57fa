import type { Space, Store, Stored } from '../domain/ports/store.ts';

const pageSize = 500;

/** Every row of a space, in the order of keys, a page in memory at a time. */
export async function* rowsOf(store: Store, space: Space): AsyncGenerator<Stored, void> {
  let after: string | undefined;
  for (;;) {
    const page = await store.list(space, { limit: pageSize, ...(after === undefined ? {} : { after }) });
    yield* page;
    after = page.at(-1)?.key;
    if (page.length < pageSize || after === undefined) return;
  }
}
