import { readFileSync } from 'node:fs';
import path from 'node:path';

import type { ReadFiles } from '../../../src/domain/ports/io.ts';
import { writeFiles } from '../../../src/io/index.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import { exportLedger } from '../../../src/ledger/index.ts';
import type { Store } from '../../../src/domain/ports/store.ts';
import { filesBelow } from './vectors.ts';

export const never = new AbortController().signal;

/** Exports into a real folder. */
export function exportTo(store: Store, folder: string): ReturnType<typeof exportLedger> {
  return exportLedger({ store, files: writeFiles, folder, signal: never });
}

/** An exported folder held in memory, so that ten thousand broken copies cost no disk. */
export class HeldExport {
  readonly contents = new Map<string, Buffer>();
  readonly #folders = new Map<string, string[]>();

  constructor(folder: string) {
    for (const file of filesBelow(folder)) {
      const name = path.relative(folder, file);
      this.contents.set(name, readFileSync(file));
      const parts = name.split('/');
      for (let depth = 0; depth < parts.length; depth++) {
        const names = this.#folders.get(parts.slice(0, depth).join('/')) ?? [];
        if (!names.includes(parts[depth]!)) names.push(parts[depth]!);
        this.#folders.set(parts.slice(0, depth).join('/'), names);
      }
    }
  }

  get exported(): { readonly files: ReadFiles; readonly folder: string; readonly signal: AbortSignal } {
    const unused = (): never => {
      throw new WatchkeeperError('unsupported', 'a verifier only reads and lists');
    };
    const files: ReadFiles = {
      read: (name) => {
        const found = this.contents.get(name.slice(2));
        return found
          ? Promise.resolve(found)
          : Promise.reject(new WatchkeeperError('not-found', `${name}: no such file`));
      },
      list: (name) => {
        const names = this.#folders.get(name.slice(2).replace(/\/$/, ''));
        return names ? Promise.resolve(names) : Promise.reject(new WatchkeeperError('not-found', `${name}: no folder`));
      },
      readAt: unused,
      stat: unused,
      readlink: unused,
      realpath: unused,
      diskUsage: unused,
    };
    return { files, folder: '.', signal: never };
  }

  /** Flips one bit of a file; the same again puts it back. */
  flip(file: string, bit: number): void {
    const data = this.contents.get(file)!;
    const at = Math.floor(bit / 8);
    data[at] = data[at]! ^ (1 << (bit % 8));
  }
}
