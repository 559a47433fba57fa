import type { Checkpoint } from './note.ts';

/** Why a head cannot follow what this browser saw before, if it cannot. */
export function contradiction(
  before: { readonly vkey: string; readonly size: number; readonly root: string },
  checkpoint: Pick<Checkpoint, 'size'>,
  root: string,
  vkeys: string,
): string | undefined {
  const known = before.vkey.split('\n').some((vkey) => vkeys.split('\n').includes(vkey));
  if (!known) return 'it is signed by other keys than those this browser saw before';
  if (checkpoint.size < before.size)
    return `it has ${checkpoint.size} entries, and this browser saw ${before.size} before: entries are gone`;
  if (checkpoint.size === before.size && root !== before.root)
    return 'it has as many entries as this browser saw before, and another root: it was rewritten';
  return undefined;
}
