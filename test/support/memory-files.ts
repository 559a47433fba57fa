import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { DiskUsage, FileStat, WriteFiles } from '../../src/domain/ports/io.ts';

type Node =
  | { readonly kind: 'file'; data: Uint8Array; mtimeMs: number; inode: number }
  | {
      readonly kind: 'symlink';
      target: string;
      mtimeMs: number;
      inode: number;
    };

/** A tree of files in memory. Folders exist by having something in them. `set` takes text or bytes; `link` makes a symlink. */
export interface MemoryFiles extends WriteFiles {
  set(path: string, data: string | Uint8Array, mtimeMs?: number): void;
  append(path: string, data: string): void;
  link(path: string, target: string, mtimeMs?: number): void;
  remove(path: string): void;
  /** What a file holds, as text. */
  text(path: string): string;
  /** Moves a file, which keeps its inode, as log rotation does. */
  rename(from: string, to: string): void;
  /** Makes every access to a path fail with this error, as a broken disk or missing right would. */
  fail(path: string, error: WatchkeeperError | undefined): void;
  setDisk(path: string, usage: DiskUsage): void;
}

/** Starts with the given files. */
export function memoryFiles(initial: Readonly<Record<string, string>> = {}): MemoryFiles {
  const nodes = new Map<string, Node>();
  const failures = new Map<string, WatchkeeperError>();
  const disks = new Map<string, DiskUsage>();
  let inodes = 100;
  const encode = (data: string | Uint8Array): Uint8Array =>
    typeof data === 'string' ? new TextEncoder().encode(data) : data;
  const set = (path: string, data: string | Uint8Array, mtimeMs = 0): void => {
    const old = nodes.get(path);
    nodes.set(path, {
      kind: 'file',
      data: encode(data),
      mtimeMs,
      inode: old?.kind === 'file' ? old.inode : inodes++,
    });
  };
  const link = (path: string, target: string, mtimeMs = 0): void =>
    void nodes.set(path, { kind: 'symlink', target, mtimeMs, inode: inodes++ });
  for (const [path, data] of Object.entries(initial)) set(path, data);

  const missing = (path: string): WatchkeeperError =>
    new WatchkeeperError('not-found', `${path}: no such file or folder`);
  const isFolder = (path: string): boolean =>
    path === '/' || [...nodes.keys()].some((key) => key.startsWith(`${path.replace(/\/$/, '')}/`));
  const resolve = (path: string, depth = 0): string => {
    if (depth > 20) throw new WatchkeeperError('config-invalid', `${path}: too many symlinks`);
    let current = '';
    const parts = path.split('/').filter((part) => part !== '' && part !== '.');
    for (const [index, part] of parts.entries()) {
      if (part === '..') current = current.slice(0, Math.max(0, current.lastIndexOf('/')));
      else {
        current = `${current}/${part}`;
        const node = nodes.get(current);
        if (node?.kind === 'symlink') {
          const base = node.target.startsWith('/') ? '' : current.slice(0, current.lastIndexOf('/'));
          return resolve([`${base}/${node.target}`, ...parts.slice(index + 1)].join('/'), depth + 1);
        }
      }
    }
    return current === '' ? '/' : current;
  };
  const guard = (path: string, signal: AbortSignal): void => {
    if (signal.aborted) throw new WatchkeeperError('aborted', `${path}: stopped`);
    for (const [failing, error] of failures) if (path === failing || path.startsWith(`${failing}/`)) throw error;
  };
  const file = (path: string): Extract<Node, { kind: 'file' }> => {
    const node = nodes.get(resolve(path));
    if (node?.kind !== 'file') throw missing(path);
    return node;
  };
  const later = <T>(work: () => T): Promise<T> => new Promise((done) => done(work()));

  return {
    set,
    link,
    append: (path, data) => {
      const old = nodes.get(path);
      set(path, Buffer.concat([old?.kind === 'file' ? old.data : new Uint8Array(), encode(data)]));
    },
    remove: (path) => {
      for (const key of [...nodes.keys()]) if (key === path || key.startsWith(`${path}/`)) nodes.delete(key);
    },
    text: (path) => new TextDecoder().decode(file(path).data),
    rename: (from, to) => {
      const node = nodes.get(from);
      if (node === undefined) throw missing(from);
      nodes.delete(from);
      nodes.set(to, node);
    },
    fail: (path, error) => {
      if (error === undefined) failures.delete(path);
      else failures.set(path, error);
    },
    setDisk: (path, usage) => void disks.set(path, usage),
    read: (path, maxBytes, signal) =>
      later(() => {
        guard(path, signal);
        const { data } = file(path);
        if (data.length > maxBytes) throw new WatchkeeperError('too-large', `${path} is larger than ${maxBytes} bytes`);
        return data.slice();
      }),
    readAt: (path, offset, length, signal) =>
      later(() => {
        guard(path, signal);
        return file(path).data.slice(offset, offset + length);
      }),
    list: (path, max, signal) =>
      later(() => {
        guard(path, signal);
        const real = resolve(path);
        if (!isFolder(real)) throw missing(path);
        const prefix = real === '/' ? '/' : `${real}/`;
        const names = new Set(
          [...nodes.keys()]
            .filter((key) => key.startsWith(prefix))
            .map((key) => key.slice(prefix.length).split('/')[0] ?? ''),
        );
        if (names.size > max) throw new WatchkeeperError('too-large', `${path} holds more than ${max} entries`);
        return [...names].sort();
      }),
    stat: (path, signal) =>
      later((): FileStat | undefined => {
        guard(path, signal);
        const parent = resolve(path.slice(0, path.lastIndexOf('/')) || '/');
        const own = `${parent === '/' ? '' : parent}/${path.slice(path.lastIndexOf('/') + 1)}`;
        const node = nodes.get(own);
        const common = { device: 1, mode: 0o644, uid: 0 };
        if (node?.kind === 'file')
          return {
            kind: 'file',
            size: node.data.length,
            mtimeMs: node.mtimeMs,
            inode: node.inode,
            ...common,
          };
        if (node?.kind === 'symlink')
          return {
            kind: 'symlink',
            size: node.target.length,
            mtimeMs: node.mtimeMs,
            inode: node.inode,
            ...common,
          };
        return isFolder(own) ? { kind: 'folder', size: 0, mtimeMs: 0, inode: 1, ...common } : undefined;
      }),
    readlink: (path, signal) =>
      later(() => {
        guard(path, signal);
        const node = nodes.get(path);
        if (node?.kind !== 'symlink') throw missing(path);
        return node.target;
      }),
    realpath: (path, signal) =>
      later(() => {
        guard(path, signal);
        const real = resolve(path);
        if (!nodes.has(real) && !isFolder(real)) throw missing(path);
        return real;
      }),
    diskUsage: (path, signal) =>
      later(() => {
        guard(path, signal);
        return (
          disks.get(path) ?? {
            totalBytes: 1e9,
            freeBytes: 5e8,
            availableBytes: 5e8,
            totalInodes: 1e6,
            freeInodes: 5e5,
          }
        );
      }),
    writeAtomic: (path, data, _mode, signal) =>
      later(() => {
        guard(path, signal);
        nodes.delete(path);
        set(path, data);
      }),
    replaceSymlink: (path, target, signal) =>
      later(() => {
        guard(path, signal);
        link(path, target);
      }),
    unlink: (path, signal) =>
      later(() => {
        guard(path, signal);
        if (!nodes.delete(path)) throw missing(path);
      }),
    makeFolder: (path, _mode, signal) =>
      later(() => {
        guard(path, signal);
        set(`${path}/.keep`, '');
      }),
  };
}
