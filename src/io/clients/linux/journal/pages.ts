import type { ReadContext } from '../reading.ts';
import { malformed } from './format.ts';

/** Random access to one file in pages, keeping the last few: the fields of an entry lie all over it. */
export interface Pages {
  /** Exactly these bytes. @throws `malformed` when the file ends before them. */
  bytes(offset: number, length: number): Promise<Uint8Array>;
}

const pageBytes = 64 * 1024;
const keptPages = 32;

/** Made anew for every collect, since a file in use grows. */
export function createPages(path: string, context: ReadContext): Pages {
  const pages = new Map<number, Uint8Array>();
  const page = async (index: number): Promise<Uint8Array> => {
    const known = pages.get(index);
    if (known !== undefined) {
      pages.delete(index);
      pages.set(index, known);
      return known;
    }
    const read = await context.files.readAt(path, index * pageBytes, pageBytes, context.signal);
    pages.set(index, read);
    for (const oldest of pages.keys()) if (pages.size > keptPages) pages.delete(oldest);
    return read;
  };
  return {
    async bytes(offset, length) {
      const first = Math.floor(offset / pageBytes);
      const start = offset - first * pageBytes;
      const one = await page(first);
      if (start + length <= one.length) return one.subarray(start, start + length);
      const joined = new Uint8Array(length);
      for (let done = 0; done < length;) {
        const at = offset + done;
        const index = Math.floor(at / pageBytes);
        const from = at - index * pageBytes;
        const part = (await page(index)).subarray(from, from + length - done);
        if (part.length === 0) throw malformed('it ends inside an object');
        joined.set(part, done);
        done += part.length;
      }
      return joined;
    },
  };
}
