/** One thing that is wrong, and where: file, entry, bytes of the file, as far as they can be told. */
export interface LedgerProblem {
  readonly file: string;
  readonly seq?: number;
  /** First byte and the byte after the last, in the file. */
  readonly bytes?: readonly [number, number];
  readonly message: string;
}

/** The result of a verification, with everything wrong by name. */
export interface LedgerReport {
  readonly ok: boolean;
  readonly origin: string | undefined;
  readonly size: number;
  readonly rootHex: string | undefined;
  /** Entries whose payload was erased, as later entries say. */
  readonly redacted: number;
  readonly payloads: number;
  /** The first problems, at most `maxProblems`. */
  readonly problems: readonly LedgerProblem[];
  readonly problemCount: number;
}

/** Problems that are kept; the rest are only counted. */
export const maxProblems = 100;

/** Collects problems without growing for ever. */
export class Findings {
  readonly list: LedgerProblem[] = [];
  count = 0;

  add(problem: LedgerProblem): void {
    this.count++;
    if (this.list.length < maxProblems) this.list.push(problem);
  }
}
