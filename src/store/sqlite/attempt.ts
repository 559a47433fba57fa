/** Runs synchronous work behind a promise: what it throws becomes the rejection. */
export function attempt<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}
