import { expect, test } from 'vitest';

import { writeFault } from '../../src/actions/faults.ts';
import { WatchkeeperError } from '../../src/lib/errors.ts';

test.each([
  'conflict',
  'not-found',
  'forbidden',
  'unauthorized',
  'config-invalid',
  'unsupported',
  'rate-limited',
] as const)('a clear refusal of a write means that nothing was done: %s', (code) =>
  expect(writeFault(new WatchkeeperError(code, 'no', { fix: 'Ask.' }))).toEqual({ is: 'failed', message: 'no Ask.' }),
);

test.each(['timeout', 'unreachable', 'aborted', 'malformed', 'too-large', 'internal'] as const)(
  'any other fault leaves open whether it was done: %s',
  (code) => expect(writeFault(new WatchkeeperError(code, 'no')).is).toBe('unknown'),
);

test('what is certain in one place besides is said there', () => {
  expect(writeFault(new WatchkeeperError('too-large', 'no'), ['too-large']).is).toBe('failed');
  expect(writeFault(new Error('a bug')).is).toBe('unknown');
});
