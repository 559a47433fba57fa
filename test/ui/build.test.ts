import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(path.join(os.tmpdir(), 'watchkeeper-built-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files: readonly string[] = [];
const text = (name: string): string => readFileSync(path.join(folder, name), 'utf8');

beforeAll(async () => {
  const { buildPage } = (await import(path.resolve(import.meta.dirname, '../../scripts/page.mjs'))) as {
    readonly buildPage: (outDir: string) => Promise<void>;
  };
  await buildPage(folder);
  files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
});

describe('the built page', () => {
  it('is at most 150 KB in all, compressed', () => {
    const compressed = files.filter((name) => name.endsWith('.gz'));
    expect(compressed.length).toBe(files.length / 2);
    const bytes = compressed.reduce((sum, name) => sum + readFileSync(path.join(folder, name)).length, 0);
    expect(bytes).toBeLessThanOrEqual(150_000);
  });

  it('holds nothing inline: its policy would refuse it', () => {
    const html = text('index.html');
    expect(html.match(/<script\b[^>]*>/g)?.every((tag) => /\ssrc="\/assets\//.test(tag))).toBe(true);
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|javascript:|data:/i);
    expect(html).not.toMatch(/<script\b[^>]*>[^<]/);
  });

  it('names no other place that it would load something from', () => {
    const urls = files
      .filter((name) => /\.(html|js|css|webmanifest)$/.test(name))
      .flatMap((name) =>
        [...text(name).matchAll(/(?:https?:)?\/\/[\w-]+(?:\.[\w-]+)+[^\s"'`)]*/g)].map(([url]) => url),
      );
    expect([...new Set(urls)].filter((url) => !url.startsWith('http://www.w3.org/'))).toEqual([]);
  });

  it('has nothing of Node in it, and makes no code out of text', () => {
    const scripts = files.filter((name) => name.endsWith('.js')).map(text);
    expect(scripts.length).toBeGreaterThan(0);
    for (const script of scripts) {
      expect(script).not.toMatch(/["'`]node:/);
      expect(script).not.toMatch(/\beval\(|new Function\(/);
    }
  });
});
