import { limits } from '../../lib/limits.ts';
import type { ActionContext } from '../../domain/ports/action.ts';

/** Asks a health URL once. Anything but a 2xx answer is not healthy. */
export async function isHealthy(url: string, context: ActionContext, timeoutMs: number): Promise<boolean> {
  try {
    const { status } = await context.io.http.request({
      method: 'GET',
      url,
      timeoutMs,
      maxBytes: 64 * 1024,
      signal: context.signal,
    });
    return status >= 200 && status < 300;
  } catch {
    return false;
  }
}

/** Polls until it is healthy, `untilMs` (monotonic) passes, or the signal fires. */
export async function waitHealthy(url: string, context: ActionContext, untilMs: number): Promise<boolean> {
  const { clock } = context.io;
  while (!context.signal.aborted && clock.monotonicMs() < untilMs) {
    if (await isHealthy(url, context, Math.max(1, Math.min(2_000, untilMs - clock.monotonicMs())))) return true;
    await clock.sleep(limits.healthPollMs, context.signal).catch(() => undefined);
  }
  return false;
}

/** Leaves room to say how it ended before the executor's deadline makes it unknown. */
export function ownDeadlineMs(context: ActionContext): number {
  return context.io.clock.monotonicMs() + context.timeoutMs - Math.min(2_000, context.timeoutMs / 10);
}
