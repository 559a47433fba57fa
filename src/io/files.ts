import { constants } from 'node:fs';
import {
  lstat,
  mkdir,
  open,
  opendir,
  readlink,
  realpath,
  rename,
  stat,
  statfs,
  symlink,
  unlink,
} from 'node:fs/promises';
import path from 'node:path';

import { WatchkeeperError, type ErrorCode } from '../lib/errors.ts';
import type { FileStat, ReadFiles, WriteFiles } from '../domain/ports/io.ts';

const chunkBytes = 64 * 1024;

/** Reading, through libuv's pool; each call checks the signal before and after, since the kernel cannot be interrupted. */
export const readFiles: ReadFiles = {
  read: (file, maxBytes, signal) =>
    guarded(file, signal, async () => {
      const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        // Files of the kernel say that they are empty, so their size is not asked for.
        let buffer = Buffer.allocUnsafeSlow(chunkBytes);
        let size = 0;
        for (;;) {
          const { bytesRead } = await handle.read(buffer, size, buffer.length - size, null);
          if (bytesRead === 0) return new Uint8Array(buffer.subarray(0, size));
          size += bytesRead;
          if (size > maxBytes) throw new WatchkeeperError('too-large', `${file} is larger than ${maxBytes} bytes`);
          if (size === buffer.length) buffer = Buffer.concat([buffer], 2 * size);
          signal.throwIfAborted();
        }
      } finally {
        await handle.close();
      }
    }),
  readAt: (file, offset, length, signal) =>
    guarded(file, signal, async () => {
      const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, offset);
        return new Uint8Array(buffer.subarray(0, bytesRead));
      } finally {
        await handle.close();
      }
    }),
  list: (folder, max, signal) =>
    guarded(folder, signal, async () => {
      const names: string[] = [];
      for await (const entry of await opendir(folder)) {
        if (names.length >= max) throw new WatchkeeperError('too-large', `${folder} holds more than ${max} entries`);
        names.push(entry.name);
      }
      return names.sort();
    }),
  stat: async (file, signal) => {
    try {
      return await guarded(file, signal, async () => {
        const found = await lstat(file);
        const kind = found.isFile()
          ? 'file'
          : found.isDirectory()
            ? 'folder'
            : found.isSymbolicLink()
              ? 'symlink'
              : 'other';
        return {
          kind,
          size: found.size,
          mtimeMs: found.mtimeMs,
          inode: found.ino,
          device: found.dev,
          mode: found.mode,
          uid: found.uid,
        } satisfies FileStat;
      });
    } catch (thrown) {
      if (thrown instanceof WatchkeeperError && thrown.code === 'not-found') return undefined;
      throw thrown;
    }
  },
  readlink: (file, signal) => guarded(file, signal, () => readlink(file)),
  realpath: (file, signal) => guarded(file, signal, () => realpath(file)),
  diskUsage: (folder, signal) =>
    guarded(folder, signal, async () => {
      const usage = await statfs(folder);
      return {
        totalBytes: usage.blocks * usage.bsize,
        freeBytes: usage.bfree * usage.bsize,
        availableBytes: usage.bavail * usage.bsize,
        totalInodes: usage.files,
        freeInodes: usage.ffree,
      };
    }),
};

/** Writing, for operators and for the daemon's own data folder. Every change is fsynced before it counts. */
export const writeFiles: WriteFiles = {
  ...readFiles,
  writeAtomic: (file, data, mode, signal) =>
    guarded(file, signal, async () => {
      const temporary = beside(file);
      const handle = await open(temporary, 'wx', mode);
      try {
        await handle.writeFile(data);
        await handle.sync();
      } catch (thrown) {
        await unlink(temporary);
        throw thrown;
      } finally {
        await handle.close();
      }
      await rename(temporary, file);
      await syncFolder(path.dirname(file));
    }),
  replaceSymlink: (file, target, signal) =>
    guarded(file, signal, async () => {
      const temporary = beside(file);
      await symlink(target, temporary);
      await rename(temporary, file);
      await syncFolder(path.dirname(file));
    }),
  unlink: (file, signal) =>
    guarded(file, signal, async () => {
      await unlink(file);
      await syncFolder(path.dirname(file));
    }),
  makeFolder: (folder, mode, signal) =>
    guarded(folder, signal, async () => {
      await makeWithParents(folder, mode);
    }),
};

// Node's own recursive mkdir never returns where the system has no room for a folder in one that is there, as below /proc.
async function makeWithParents(folder: string, mode: number): Promise<void> {
  try {
    await mkdir(folder, { mode });
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code;
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return;
    if (code !== 'ENOENT' || path.dirname(folder) === folder) throw thrown;
    await makeWithParents(path.dirname(folder), mode);
    await mkdir(folder, { mode });
  }
}

let temporaries = 0;

function beside(file: string): string {
  temporaries += 1;
  return path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.${temporaries}.tmp`);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const codes: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'not-found',
  ENOTDIR: 'not-found',
  EISDIR: 'config-invalid',
  EACCES: 'forbidden',
  EPERM: 'forbidden',
  EEXIST: 'conflict',
  ENOSPC: 'store-failed',
  EDQUOT: 'store-failed',
  EIO: 'store-failed',
  EROFS: 'forbidden',
  ENAMETOOLONG: 'config-invalid',
};

async function guarded<T>(file: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  if (signal.aborted) throw stopped(file, signal);
  if (file.includes('\0')) throw new WatchkeeperError('config-invalid', 'a path cannot hold a NUL character');
  // A call that hangs in the kernel (a dead NFS mount) cannot be cancelled, but its caller can go on.
  const abandoned = Promise.withResolvers<never>();
  const abandon = (): void => abandoned.reject(stopped(file, signal));
  signal.addEventListener('abort', abandon, { once: true });
  try {
    return await Promise.race([work(), abandoned.promise]);
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
    throw WatchkeeperError.from(thrown, codes[code] ?? 'internal', file);
  } finally {
    signal.removeEventListener('abort', abandon);
  }
}

function stopped(file: string, signal: AbortSignal): WatchkeeperError {
  const reason: unknown = signal.reason;
  return reason instanceof WatchkeeperError
    ? reason
    : new WatchkeeperError('aborted', `${file}: stopped`, { cause: reason });
}
