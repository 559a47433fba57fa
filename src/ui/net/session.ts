import { signal } from '@preact/signals';

const key = 'watchkeeper-token';

/** The bearer token of this tab. It is gone when the tab is closed, and never part of an address. */
export const token = signal<string | undefined>(read());

/**
 * How the daemon knows who is asking: by the token of this tab; by a session of the browser, which is a cookie that no
 * script can read, or a proxy that vouches; not at all; or it has not been asked yet.
 */
export const way = signal<'asking' | 'token' | 'session' | 'none'>(token.value === undefined ? 'asking' : 'token');

/** What a session's requests that act must carry beside the cookie: no other site knows it. */
export const csrf = signal<string | undefined>(undefined);

/** Whether people can sign in with a provider. */
export const provider = signal(false);

/** Why the daemon did not let us in, in a sentence, when it did not. */
export const refusal = signal<string | undefined>(undefined);

/** Keeps a token for this tab. What could not even be sent as one is refused here. */
export function keepToken(value: string): void {
  if (!/^[\x21-\x7e]{1,16384}$/.test(value)) {
    refusal.value = 'This is no token: it has letters that none has, or spaces within.';
    return;
  }
  token.value = value;
  way.value = 'token';
  refusal.value = undefined;
  try {
    sessionStorage.setItem(key, value);
  } catch {
    // A browser that stores nothing still has it in memory.
  }
}

/** There is a session: nothing is kept here, the browser has its cookie. */
export function beginSession(secret: string | undefined): void {
  csrf.value = secret;
  way.value = 'session';
}

/** Forgets who is asking. */
export function forget(because?: string): void {
  token.value = undefined;
  csrf.value = undefined;
  way.value = 'none';
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
