/**
 * Decodes standard base64 (RFC 4648, section 4), strictly: padding present, no white space, no stray bits at the end. One
 * value has one text, so a text cannot be altered without altering the value.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

/** Encodes to standard base64. */
export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
