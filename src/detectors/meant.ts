const most = 1e30;

/**
 * Whether anything can have meant this number. A broken exporter sends the largest a double holds, or what a counter came to
 * when it fell below zero; a mean that takes it in is lost for good.
 */
export function isMeant(v: number): boolean {
  return Math.abs(v) <= most;
}
