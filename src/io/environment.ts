/** Environment variables, read once. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A frozen copy of the process' environment. */
export function readEnvironment(): Environment {
  return Object.freeze({ ...process.env });
}
