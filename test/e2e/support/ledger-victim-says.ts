export const victimOrigin = 'test.example/ledger/default';

/** What a victim says, a line each. */
export interface VictimLine {
  readonly acked?: string;
  readonly failed?: string;
  readonly done?: true;
}
