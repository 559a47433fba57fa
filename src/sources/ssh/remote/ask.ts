/** One thing to be read on a host. Each is one case of the script (`script.ts`). */
export type Question =
  /** The beginning of a file. */
  | { readonly is: 'file'; readonly path: string; readonly bytes: number }
  /** A stretch of a file, in blocks of 4096 bytes. */
  | { readonly is: 'part'; readonly path: string; readonly block: number; readonly blocks: number }
  | { readonly is: 'list'; readonly path: string; readonly max: number }
  | { readonly is: 'stat'; readonly path: string }
  /** Where a symlink leads: its own word, or the whole way. */
  | { readonly is: 'link'; readonly path: string; readonly whole: boolean }
  /** How full a file system is. */
  | { readonly is: 'space'; readonly path: string }
  | { readonly is: 'unit'; readonly name: string }
  | { readonly is: 'failed' }
  /** Entries of the journal after a cursor (`c…`) or since a second of the epoch (`s…`). */
  | { readonly is: 'journal'; readonly from: string; readonly bytes: number }
  | { readonly is: 'listening' }
  /** What runs in containers. */
  | { readonly is: 'containers' }
  /** The host's time zone and its clock. */
  | { readonly is: 'zone' };

/** Size of the blocks that parts of files are read in. */
export const blockBytes = 4_096;

/** The three words that the script takes for a question. */
export function wordsOf(question: Question): readonly [string, string, string] {
  switch (question.is) {
    case 'file':
      return ['file', question.path, String(question.bytes)];
    case 'part':
      return ['part', question.path, `${question.block}+${question.blocks}`];
    case 'list':
      return ['list', question.path, String(question.max)];
    case 'link':
      return ['link', question.path, question.whole ? 'whole' : 'word'];
    case 'stat':
    case 'space':
      return [question.is, question.path, '-'];
    case 'unit':
      return ['unit', question.name, '-'];
    case 'journal':
      return ['journal', question.from, String(question.bytes)];
    case 'failed':
    case 'listening':
    case 'containers':
    case 'zone':
      return [question.is, '-', '-'];
  }
}
