import { randomBytes } from 'node:crypto';

import { uuidV7 } from '../lib/uuid.ts';
import type { Random } from '../domain/ports/io.ts';

/** The machine's own randomness. */
export const systemRandom: Random = {
  bytes: (length) => new Uint8Array(randomBytes(length)),
  uniform: () => Math.random(),
  id: (nowMs) => uuidV7(nowMs, randomBytes(10)),
};
