/** What Windows does when a service ends unexpectedly: one step for the first fault, the second, and all later ones. */
export interface Recovery {
  readonly resetAfterS: number;
  readonly actions: readonly { readonly is: 'none' | 'restart' | 'reboot' | 'run'; readonly afterMs: number }[];
}

const kinds = ['none', 'restart', 'reboot', 'run'] as const;

/**
 * Reads the registry value FailureActions of a service: SERVICE_FAILURE_ACTIONS as it is stored, little endian. Reset period in
 * seconds, two unused pointers, the number of actions, a pointer, then for each action its type (SC_ACTION_TYPE) and its
 * delay in milliseconds. `undefined` for what is not one.
 */
export function parseRecovery(base64: string | null): Recovery | undefined {
  if (base64 === null) return undefined;
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length < 20) return undefined;
  const count = bytes.readUInt32LE(12);
  if (count > 32 || bytes.length < 20 + count * 8) return undefined;
  const actions = Array.from({ length: count }, (_, index) => {
    const at = 20 + index * 8;
    return { is: kinds[bytes.readUInt32LE(at)] ?? 'none', afterMs: bytes.readUInt32LE(at + 4) };
  });
  return { resetAfterS: bytes.readUInt32LE(0), actions };
}

/** The same in words: `restart after 60 s, restart after 60 s, then nothing`. */
export function recoveryInWords(recovery: Recovery | undefined): string {
  if (recovery === undefined || recovery.actions.length === 0) return 'none';
  return recovery.actions
    .map(({ is, afterMs }) => (is === 'none' ? 'nothing' : `${is} after ${afterMs / 1_000} s`))
    .join(', ');
}
