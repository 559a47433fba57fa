import { signal } from '@preact/signals';

import type { Me, Overview, Ways } from '../wire.ts';
import { ApiError, get, post } from './client.ts';
import { setClock } from './clock.ts';
import { pulse } from './live.ts';
import { beginSession, csrf, forget, provider, way } from './session.ts';

/** What the watch sees and does now; the last that was heard of it. */
export const overview = signal<Overview | undefined>(undefined);

/** Who is looking, and what they may do. Until that is known, nothing. */
export const me = signal<Me | undefined>(undefined);

/** Whether whoever is looking may do this. The daemon asks again; here it only spares people a refusal. */
export function may(permission: string): boolean {
  return me.value?.permissions.includes(permission) === true;
}

/** Why it could not be heard anew, when it could not. */
export const trouble = signal<ApiError | undefined>(undefined);

let asking = false;
let again = false;

/** Asks for it at every beat. While an answer is on its way, beats are one. */
export function keepOverview(): () => void {
  return pulse.subscribe(() => void refresh());
}

async function refresh(): Promise<void> {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  try {
    me.value ??= await get<Me>('/api/v1/whoami');
    csrf.value = me.value.csrf;
    const found = await get<Overview>('/api/v1/overview');
    setClock(found.asOfMs);
    overview.value = found;
    trouble.value = undefined;
  } catch (thrown) {
    trouble.value = thrown instanceof ApiError ? thrown : new ApiError(0, 'the answer cannot be read');
  } finally {
    asking = false;
  }
  if (again) {
    again = false;
    await refresh();
  }
}

/** Asks once which ways in there are, and whether the browser has a session, or a proxy vouches: then nobody has to sign in here. */
export async function lookForSession(): Promise<void> {
  try {
    provider.value = (await get<Ways>('/auth/ways')).login;
    me.value = await get<Me>('/api/v1/whoami');
    beginSession(me.value.csrf);
  } catch (thrown) {
    const reached = thrown instanceof ApiError && thrown.status !== 0;
    if (way.value === 'asking') forget(reached ? undefined : 'The daemon does not answer.');
  }
}

/** Ends what there is: the token of this tab is forgotten, a session is over for every tab. */
export async function signOut(): Promise<void> {
  if (way.value === 'session') await post('/api/v1/logout', {}).catch(() => undefined);
  forget();
}
