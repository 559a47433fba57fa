import { signal } from '@preact/signals';

import type { Status } from '../wire.ts';
import { ApiError, get } from './client.ts';
import { setClock } from './clock.ts';
import { pulse } from './live.ts';

/** What the watch sees and does now; the last that was heard of it. */
export const status = signal<Status | undefined>(undefined);

/** Why it could not be heard anew, when it could not. */
export const statusTrouble = signal<ApiError | undefined>(undefined);

let asking = false;
let again = false;

/** Asks for it at every beat. While an answer is on its way, beats are one. */
export function keepStatus(): () => void {
  return pulse.subscribe(() => void refresh());
}

async function refresh(): Promise<void> {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  try {
    const found = await get<Status>('/api/v1/status');
    setClock(found.asOfMs);
    status.value = found;
    statusTrouble.value = undefined;
  } catch (thrown) {
    statusTrouble.value = thrown instanceof ApiError ? thrown : new ApiError(0, 'the answer cannot be read');
  } finally {
    asking = false;
  }
  if (again) {
    again = false;
    await refresh();
  }
}
