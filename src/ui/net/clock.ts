import { signal } from '@preact/signals';

/** The daemon's time, epoch milliseconds, as far as this browser can tell; it goes on by itself once a second. */
export const now = signal(Date.now());

let offsetMs = 0;

/** Sets the clock by what the daemon says its time is: a phone's own may be minutes off. */
export function setClock(daemonMs: number): void {
  offsetMs = daemonMs - Date.now();
  now.value = daemonMs;
}

/** Lets it go. */
export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) now.value = Date.now() + offsetMs;
  }, 1_000);
}

/** Resolves after a while, or at once when the signal fires. */
export function wait(ms: number, abort: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (abort.aborted) {
      resolve();
      return;
    }
    const timer = setTimeout(resolve, ms);
    abort.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
