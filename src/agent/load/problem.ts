import type { Issue } from '../../lib/issues.ts';
import type { JsonObject } from '../../lib/json.ts';

/** One thing wrong, where it is. Lines and columns count from 1; columns count UTF-16 units, as editors do. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly suggestion?: string;
  /** The line it is on, for the excerpt; absent when the file was not read. */
  readonly excerpt?: string;
}

/** Finds the place of an issue in the file its document came from. */
export type Locate = (issue: Issue) => Problem;

const maxShown = 50;

/**
 * `policies/prod.yaml:12:7: unknown key "alow"; did you mean "allow"?`, each with its line and a caret, sorted by place.
 * Beyond fifty, only how many more.
 */
export function renderProblems(problems: readonly Problem[]): string {
  const sorted = sortProblems(problems);
  const shown = sorted.slice(0, maxShown).map(renderProblem);
  if (sorted.length > maxShown) shown.push(`... and ${sorted.length - maxShown} more`);
  return shown.join('\n');
}

/** The same for machines. */
export function problemsJson(problems: readonly Problem[]): JsonObject {
  return {
    problems: sortProblems(problems).map(({ file, line, column, message, suggestion }) => ({
      file,
      line,
      column,
      message,
      ...(suggestion !== undefined && { suggestion }),
    })),
  };
}

/** `file:line:col: message; did you mean "x"?` on one line. */
export function problemLine({ file, line, column, message, suggestion }: Problem): string {
  return `${file}:${line}:${column}: ${message}${suggestion === undefined ? '' : `; did you mean "${suggestion}"?`}`;
}

function renderProblem(problem: Problem): string {
  const head = problemLine(problem);
  if (problem.excerpt === undefined || problem.excerpt.trim() === '') return head;
  const { text, caret } = cut(problem.excerpt, problem.column - 1);
  const number = String(problem.line);
  return `${head}\n  ${number} | ${text}\n  ${' '.repeat(number.length)} | ${' '.repeat(caret)}^`;
}

// A long line is cut around the place; tabs and control characters become one blank, so that the caret stays below it.
function cut(line: string, column: number): { readonly text: string; readonly caret: number } {
  const clean = line.replace(/[\p{Cc}\p{Cf}]/gu, ' ');
  if (clean.length <= 120) return { text: clean, caret: column };
  const start = Math.max(0, Math.min(column - 60, clean.length - 120));
  const before = start > 0 ? '…' : '';
  const after = start + 120 < clean.length ? '…' : '';
  return { text: `${before}${clean.slice(start, start + 120)}${after}`, caret: column - start + before.length };
}

function sortProblems(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort(
    (a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column,
  );
}
