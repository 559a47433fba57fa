import { ESLint } from 'eslint';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const eslint = new ESLint({ cwd: root });

/**
 * What the project's own lint rules say about a text, were it the content of an existing file: type-aware rules look a
 * file up by its name.
 */
async function messages(file: string, text: string): Promise<readonly string[]> {
  const [result] = await eslint.lintText(text, { filePath: path.join(root, file) });
  return (result?.messages ?? []).map(({ ruleId, message }) => `${String(ruleId)}: ${message}`);
}

const edge = 'src/ledger/index.ts';
const pure = 'src/policy/index.ts';
const io = 'src/io/index.ts';

/** Each reaches past the ports. The message must name what to use instead. */
const ambient: readonly (readonly [what: string, text: string, instead: string])[] = [
  ['the wall clock', 'export const a = Date.now();\n', 'clock.nowMs()'],
  ['the wall clock, by a date without arguments', 'export const a = new Date();\n', 'clock.nowMs()'],
  ['randomness', 'export const a = Math.random();\n', 'random.uniform()'],
  ['the network', "export const a = fetch('http://127.0.0.1/');\n", 'http.request'],
  ['a timeout', 'export const a = setTimeout(() => undefined, 1);\n', 'clock.sleep'],
  ['an interval', 'export const a = setInterval(() => undefined, 1);\n', 'clock.sleep'],
  ['an immediate', 'export const a = setImmediate(() => undefined);\n', 'clock.sleep'],
  ['the environment', 'export const a = process.env;\n', 'read once, in io/'],
];

const shells: readonly (readonly [what: string, text: string])[] = [
  [
    'a shell',
    "import { spawn } from 'node:child_process';\nexport const a = (x: string) => spawn(x, [], { shell: true });\n",
  ],
  ['exec', "import { exec } from 'node:child_process';\nexport const a = (x: string) => exec(x);\n"],
  ['execSync', "import { execSync } from 'node:child_process';\nexport const a = (x: string) => execSync(x);\n"],
];

describe('outside io, time, randomness, network, timers and environment are reached through the ports', () => {
  it.each(ambient)('%s', { timeout: 180_000 }, async (_what, text, instead) => {
    for (const file of [edge, pure]) {
      const said = await messages(file, text);
      expect(
        said.some((one) => one.startsWith('no-restricted-syntax') && one.includes(instead)),
        file,
      ).toBe(true);
    }
    expect((await messages(io, text)).filter((one) => one.startsWith('no-restricted'))).toEqual([]);
  });

  it('a date of a given time is no reading of the clock', async () => {
    expect(await messages(edge, 'export const a = (ms: number) => new Date(ms).toISOString();\n')).toEqual([]);
  });

  it.each(['process', 'performance', 'crypto', 'console'])('a pure floor does not even know %s', async (name) => {
    const said = await messages(pure, `export const a = ${name};\n`);
    expect(said.some((one) => one.startsWith('no-restricted-globals') && one.includes('Pure floor'))).toBe(true);
  });
});

describe('nothing becomes a shell command', () => {
  it.each(shells)('%s is banned everywhere, io included', async (_what, text) => {
    for (const file of [edge, io]) {
      const said = await messages(file, text);
      expect(
        said.some((one) => one.includes('argv array')),
        file,
      ).toBe(true);
    }
  });
});

describe('the page', () => {
  const page = 'src/ui/lib/words.ts';
  const view = 'src/ui/views/now.tsx';
  it.each([
    ['markup made of text', view, 'export const a = (x: string) => <p dangerouslySetInnerHTML={{ __html: x }} />;\n'],
    ['markup put into an element', page, 'export const a = (x: Element) => { x.innerHTML = "b"; };\n'],
    ['markup put beside one', page, 'export const a = (x: Element) => { x.insertAdjacentHTML("afterend", "b"); };\n'],
    ['the network, past its client', page, "export const a = () => fetch('/api/v1/status');\n"],
    ['what a browser keeps, past its one place', page, "export const a = () => localStorage.getItem('b');\n"],
  ])('may not use %s', { timeout: 180_000 }, async (_what, file, text) => {
    const said = await messages(file, text);
    expect(said.filter((one) => one.startsWith('no-restricted-syntax'))).toHaveLength(1);
  });
});

describe('small enough to read', () => {
  it('a function of more than 70 lines is an error', async () => {
    const lines = Array.from({ length: 75 }, (_, index) => `  total += ${index};`).join('\n');
    const text = `export function sum(): number {\n  let total = 0;\n${lines}\n  return total;\n}\n`;
    expect((await messages(edge, text)).filter((one) => one.startsWith('max-lines-per-function'))).toHaveLength(1);
  });
  it('a file of more than 300 lines is an error', async () => {
    const text = Array.from({ length: 301 }, (_, index) => `export const a${index} = ${index};`).join('\n');
    expect((await messages(edge, `${text}\n`)).filter((one) => one.startsWith('max-lines:'))).toHaveLength(1);
  });
});
