/** One thing wrong with what a person wrote. `load` turns the path into file:line:col. */
export interface Issue {
  /** Where in the document: keys and indexes from the root. */
  readonly path: readonly (string | number)[];
  /** What is wrong, in one sentence without the position. */
  readonly message: string;
  /** The nearest thing that would have been right, when there is one. */
  readonly suggestion?: string;
  /** Character offset inside the string at `path` (for expressions and templates). */
  readonly offset?: number;
  /** True when the key at the end of `path` is the problem, not its value. */
  readonly atKey?: boolean;
}

/** The result of parsing: the value, or everything that is wrong with it. */
export type Parsed<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly issues: readonly Issue[] };
