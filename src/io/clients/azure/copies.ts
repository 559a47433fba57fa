import { digest } from '../../../lib/canonical.ts';

/**
 * The suffix of the revision that an act of ours makes as a copy of an earlier one: by the act's key, so that the same act
 * cannot make two, and known for ours by what reads revisions.
 */
export function copySuffix(key: string): string {
  return `wk${digest([key]).slice(0, 10)}`;
}

/** Whether a revision bears the suffix of such a copy. A name is no proof: nothing is allowed for it, only left alone. */
export function isCopy(revision: string): boolean {
  return /--wk[0-9a-f]{10}$/.test(revision);
}
