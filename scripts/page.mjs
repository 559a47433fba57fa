// Builds the page (src/ui) into a folder: one HTML file and its hashed assets, each with its gzip beside it, so that the
// daemon compresses nothing while it serves.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

const root = path.resolve(import.meta.dirname, '..');

export async function buildPage(outDir) {
  const { build } = await import('vite');
  await build({
    configFile: false,
    root: path.join(root, 'src', 'ui'),
    base: '/',
    logLevel: 'warn',
    publicDir: 'public',
    define: { 'process.env.NODE_ENV': '"production"' },
    build: {
      outDir,
      emptyOutDir: true,
      target: 'es2022',
      // No data: URLs in place of files, and no script that loads scripts: the Content-Security-Policy allows neither.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
  });
  for (const entry of readdirSync(outDir, { withFileTypes: true, recursive: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile() && !file.endsWith('.gz'))
      writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
  }
}
