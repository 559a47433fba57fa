/**
 * Reads the bytes [from, to) as the number of a sample. Plain decimals of up to 15 digits, which are nearly all there are, are read
 * without making a string; the rest goes through the exact conversion of the engine.
 *
 * @returns `undefined` when it is not a number. `NaN`, `Inf`, `+Inf` and `-Inf` in any case are numbers (OpenMetrics ABNF).
 */
export function readNumber(bytes: Uint8Array, from: number, to: number): number | undefined {
  let at = from;
  const negative = bytes[at] === minus;
  if (negative || bytes[at] === plus) at++;
  let digits = 0;
  let mantissa = 0;
  let decimals = 0;
  let seenPoint = false;
  for (; at < to; at++) {
    const byte = bytes[at] ?? 0;
    if (byte >= zero && byte <= nine) {
      mantissa = mantissa * 10 + (byte - zero);
      digits++;
      if (seenPoint) decimals++;
    } else if (byte === point && !seenPoint) seenPoint = true;
    else return readUnusual(bytes, from, to);
  }
  // Both mantissa and power are exact up to here, so one division rounds correctly (Clinger's fast path).
  if (digits === 0 || digits > 15) return readUnusual(bytes, from, to);
  const value = decimals === 0 ? mantissa : mantissa / (powersOfTen[decimals] ?? 1);
  return negative ? -value : value;
}

function readUnusual(bytes: Uint8Array, from: number, to: number): number | undefined {
  if (to - from > longestNumber || to <= from) return undefined;
  let text = '';
  for (let at = from; at < to; at++) text += String.fromCharCode(bytes[at] ?? 0);
  const special = specials[text.toLowerCase()];
  if (special !== undefined) return special;
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}

const specials: Readonly<Record<string, number>> = {
  nan: NaN,
  '+nan': NaN,
  '-nan': NaN,
  inf: Infinity,
  '+inf': Infinity,
  infinity: Infinity,
  '+infinity': Infinity,
  '-inf': -Infinity,
  '-infinity': -Infinity,
};

// A float64 never needs more than 17 significant digits; anything much longer is not from an exporter.
const longestNumber = 400;
const plus = 0x2b;
const minus = 0x2d;
const point = 0x2e;
const zero = 0x30;
const nine = 0x39;
const powersOfTen = Array.from({ length: 16 }, (_, power) => 10 ** power);
