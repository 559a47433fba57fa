import type { Hono } from 'hono';

import type { ReadFiles } from '../domain/ports/io.ts';
import { sha256Hex } from '../lib/canonical.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import type { Env } from './request.ts';

/** One file of the page, as it is sent. */
export interface PageFile {
  readonly body: Uint8Array<ArrayBuffer>;
  /** The same, compressed when the page was built. */
  readonly gzip?: Uint8Array<ArrayBuffer>;
  readonly type: string;
  readonly etag: string;
  /** Its name holds a hash of what is in it: it never has to be asked for again. */
  readonly immutable: boolean;
}

/** The built page: its files by the path they are asked for. */
export type Page = () => Promise<ReadonlyMap<string, PageFile>>;

/** Nothing from anywhere else, nothing inline, in no frame, and no text that becomes a script. */
export const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  webmanifest: 'application/manifest+json',
};
// Places within the page: each is the same document, which looks at its own address.
const places = /^\/(?:(?:incidents|services|ledger)(?:\/[^/]{1,256})?|approvals|policy)?$/;
const mostFiles = 200;
const mostBytes = 2 * 1024 * 1024;

/**
 * The page in a folder, read on the first request and kept: whoever never opens it pays nothing. What is asked for is looked
 * up among what was read, so that no path leads out of the folder.
 */
export function openPage(files: ReadFiles, folder: string): Page {
  let read: ReturnType<Page> | undefined;
  return () => {
    read ??= readPage(files, folder).catch((thrown: unknown) => {
      read = undefined;
      throw thrown;
    });
    return read;
  };
}

async function readPage(files: ReadFiles, folder: string): Promise<ReadonlyMap<string, PageFile>> {
  const { signal } = new AbortController();
  const found = new Map<string, PageFile>();
  const names = await namesIn(files, folder);
  for (const name of names) {
    const type = types[/\.(\w+)$/.exec(name)?.[1] ?? ''];
    if (type === undefined) continue;
    const body = Uint8Array.from(await files.read(`${folder}/${name}`, mostBytes, signal));
    const gzip = names.includes(`${name}.gz`)
      ? Uint8Array.from(await files.read(`${folder}/${name}.gz`, mostBytes, signal))
      : undefined;
    const etag = `"${sha256Hex(body).slice(0, 32)}"`;
    found.set(`/${name}`, { body, type, etag, immutable: name.startsWith('assets/'), ...(gzip && { gzip }) });
  }
  return found;
}

async function namesIn(files: ReadFiles, folder: string): Promise<readonly string[]> {
  const { signal } = new AbortController();
  try {
    const assets = await files.list(`${folder}/assets`, mostFiles, signal);
    return [...(await files.list(folder, mostFiles, signal)), ...assets.map((name) => `assets/${name}`)];
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    if (error.code !== 'not-found') throw error;
    throw new WatchkeeperError('not-found', 'the page is not built', { cause: thrown, fix: 'Run "npm run build".' });
  }
}

/** Serves the page. It holds no secret and is open to whoever reaches the daemon; all it shows it asks the API for. */
export function pageRoutes(app: Hono<Env>, page: Page): void {
  app.get('*', async (c, next) => {
    const { path } = c.req;
    const isPlace = places.test(path);
    if (!isPlace && !/^\/(assets\/)?[\w.-]+$/.test(path)) return next();
    const found = (await page()).get(isPlace ? '/index.html' : path);
    if (found === undefined) return next();
    c.header('content-security-policy', pagePolicy);
    c.header('etag', found.etag);
    c.header('vary', 'accept-encoding');
    c.header('cache-control', found.immutable ? 'public, max-age=31536000, immutable' : 'no-cache');
    if (c.req.header('if-none-match') === found.etag) return c.body(null, 304);
    c.header('content-type', found.type);
    const takesGzip = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|$))/.test(c.req.header('accept-encoding') ?? '');
    if (!takesGzip || found.gzip === undefined) return c.body(found.body);
    c.header('content-encoding', 'gzip');
    return c.body(found.gzip);
  });
}
