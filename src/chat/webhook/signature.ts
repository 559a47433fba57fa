import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * The value of `watchkeeper-signature`: `t=SECONDS,v1=HEX`, where HEX is HMAC-SHA256 under the shared secret of the
 * seconds, a dot, and the body's bytes. The time is signed too, so that a receiver can refuse an old delivery played again.
 */
export function sign(secret: string, nowMs: number, body: string): string {
  const seconds = Math.floor(nowMs / 1_000);
  return `t=${seconds},v1=${mac(secret, seconds, body)}`;
}

/** What a receiver does with it; here for the tests and as the documentation's reference. */
export function verify(secret: string, header: string, body: string, nowMs: number, toleranceMs: number): boolean {
  const match = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(header);
  if (match === null) return false;
  const seconds = Number(match[1]);
  if (Math.abs(nowMs - seconds * 1_000) > toleranceMs) return false;
  return timingSafeEqual(Buffer.from(match[2] ?? '', 'hex'), Buffer.from(mac(secret, seconds, body), 'hex'));
}

function mac(secret: string, seconds: number, body: string): string {
  return createHmac('sha256', secret).update(`${seconds}.`).update(body).digest('hex');
}
