/** A secret by handle: `{file: /path}` or `{env: NAME}` in configuration; resolved at the last moment, never stored (I13). */
export interface SecretRef {
  readonly file?: string;
  readonly env?: string;
}

/** Secrets by handle, resolved at the last moment (I13). */
export interface Secrets {
  /** Reads it now, and tells the scrubber its value. @throws `not-found`, `forbidden`. */
  resolve(ref: SecretRef, signal: AbortSignal): Promise<string>;
}
