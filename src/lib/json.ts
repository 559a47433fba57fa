/** A value that JSON can carry. Everything stored, hashed or sent is made of these. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object. Keys whose value is `undefined` are treated as absent. */
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}
