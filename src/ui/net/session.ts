import { signal } from '@preact/signals';

const key = 'watchkeeper-token';

/** The bearer token of this tab. It is gone when the tab is closed, and never part of an address. */
export const token = signal<string | undefined>(read());

/** Whether the daemon wants to know who is asking, and why, in a sentence, when it refused what it was told. */
export const refusal = signal<string | undefined>(undefined);

/** Keeps a token for this tab. */
export function keepToken(value: string): void {
  token.value = value;
  refusal.value = undefined;
  try {
    sessionStorage.setItem(key, value);
  } catch {
    // A browser that stores nothing still has it in memory.
  }
}

/** Forgets it. */
export function forgetToken(because?: string): void {
  token.value = undefined;
  refusal.value = because;
  try {
    sessionStorage.removeItem(key);
  } catch {
    // Nothing was stored.
  }
}

function read(): string | undefined {
  try {
    return sessionStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}
