import ts from 'typescript';

import { parsed } from './tree.ts';

/** What no file may hold, with what to write in its place. Matched line by line. */
export const banned: readonly { readonly what: RegExp; readonly say: string }[] = [
  // Written so that this file does not hold them.
  {
    what: new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`),
    say: 'a leftover marker: finish it, or say in the docs what is not done',
  },
  { what: /@ts-(ignore|nocheck|expect-error)\b/, say: 'a silenced type error: narrow the type, or parse the value' },
  { what: /\beslint-disable/, say: 'a silenced lint rule: change the code, or the rule for everybody' },
  { what: /\bas any[;,)]|: any[;,)]|<any>/, say: '`any`: use `unknown` and narrow it, or parse with a Schema' },
  { what: /\bconsole\.(log|error|warn|info|debug)\(/, say: 'console: use the Log port, which is behind the scrubber' },
];

/** Each line of a text that holds something banned, with what to do instead. */
export function bannedIn(file: string, text: string): readonly string[] {
  return text
    .split('\n')
    .flatMap((line, index) =>
      banned.filter(({ what }) => what.test(line)).map(({ say }) => `${file}:${index + 1}: ${say}`),
    );
}

/** Exported functions, types, interfaces, classes and constants that no doc comment explains, by `file:line name`. */
export function undocumented(file: string, text: string): readonly string[] {
  const source = parsed(file, text);
  const missing: string[] = [];
  for (const statement of source.statements) {
    if (!isExported(statement) || ts.getJSDocCommentsAndTags(statement).length > 0) continue;
    const { line } = source.getLineAndCharacterOfPosition(statement.getStart(source));
    for (const name of namesOf(statement)) missing.push(`${file}:${line + 1} ${name}`);
  }
  return missing;
}

function isExported(statement: ts.Statement): boolean {
  return (
    ts.canHaveModifiers(statement) &&
    (ts.getModifiers(statement) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
  );
}

function namesOf(statement: ts.Statement): readonly string[] {
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.map(({ name }) => name.getText(statement.getSourceFile()));
  if (
    ts.isFunctionDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    ts.isClassDeclaration(statement)
  )
    return [statement.name?.text ?? 'default'];
  return [];
}
