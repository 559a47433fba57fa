import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { gunzipSync, gzipSync } from 'node:zlib';

import { Language, Parser } from 'web-tree-sitter';
import type { Node } from 'web-tree-sitter';

import type { Behaviour } from './ssh-server.ts';

/** What a Windows host was sent: the script and its arguments, unpacked. */
export interface SentScript {
  readonly script: string;
  readonly args: readonly string[];
}

/** Reads what the bootstrap of a Windows host reads, by its rules: nothing runs that is not whole. */
export function unpack(input: string): SentScript | 190 | 191 {
  const lines = input.split('\n');
  const dot = lines.indexOf('.');
  if (dot < 0) return 190;
  const [head = '', ...rest] = lines.slice(0, dot);
  const bytes = Buffer.from(rest.join(''), 'base64');
  const digest = createHash('sha256').update(bytes).digest('hex').toUpperCase();
  if (head !== `${bytes.length} ${digest}`) return 191;
  const [script = '', ...args] = gunzipSync(bytes).toString().split('\0');
  return { script, args };
}

/** What a script of ours prints for a document. */
export function framed(document: unknown): string {
  return `@ begin\n${gzipSync(JSON.stringify(document)).toString('base64')}\n@ end\n`;
}

/** A Windows host over SSH, whose PowerShell answers what `answer` says to each script. */
export function windowsHost(answer: (sent: SentScript) => string | Uint8Array | { readonly code: number }): Behaviour {
  return (channel, line, input) => {
    const end = (code: number): void => {
      channel.exit(code);
      channel.end();
    };
    if (!line.startsWith('powershell.exe ')) {
      // cmd.exe's own words, in the code page of the host.
      channel.stderr.write(Buffer.from("'sh' is not recognized as an internal or external command,\r\n"));
      end(1);
      return;
    }
    const sent = unpack(input);
    if (typeof sent === 'number') {
      end(sent);
      return;
    }
    const said = answer(sent);
    if (typeof said === 'string' || said instanceof Uint8Array) channel.write(said, () => end(0));
    else end(said.code);
  };
}

const require = createRequire(import.meta.url);

/** Parses PowerShell by its grammar. */
export async function powershellParser(): Promise<(script: string) => Node> {
  await Parser.init();
  const language = await Language.load(require.resolve('tree-sitter-powershell/tree-sitter-powershell.wasm'));
  const parser = new Parser();
  parser.setLanguage(language);
  return (script) => {
    const tree = parser.parse(script);
    if (tree === null) throw new Error('the parser gave no tree');
    return tree.rootNode;
  };
}

/** All nodes of a tree that are of one of these types, in order. */
export function nodesOf(root: Node, ...types: readonly string[]): readonly Node[] {
  return root.descendantsOfType([...types]);
}
