import tseslint from 'typescript-eslint';

const PURE = ['lib', 'domain', 'detectors', 'incidents', 'diagnosis', 'catalog', 'runbooks', 'policy'];
const ports =
  'reach time, randomness, network, processes and files through the ports in domain/ports (implemented in src/io)';

// What a floor outside io/ may not touch, each with its replacement.
const ambient = [
  {
    selector: "MemberExpression[object.name='Date'][property.name='now']",
    message: `Date.now() is banned: ${ports} (clock.nowMs()).`,
  },
  {
    selector: "NewExpression[callee.name='Date'][arguments.length=0]",
    message: `new Date() is banned: ${ports} (new Date(clock.nowMs())).`,
  },
  {
    selector: "MemberExpression[object.name='Math'][property.name='random']",
    message: `Math.random() is banned: ${ports} (random.uniform()).`,
  },
  {
    selector: "CallExpression[callee.name='fetch']",
    message: `fetch is banned: ${ports} (http.request with a deadline).`,
  },
  {
    selector: 'CallExpression[callee.name=/^(setTimeout|setInterval|setImmediate)$/]',
    message: `Timers are banned: ${ports} (clock.sleep).`,
  },
  {
    selector: "MemberExpression[object.name='process'][property.name='env']",
    message: `process.env is banned: ${ports} (the environment is read once, in io/).`,
  },
];
const shell = [
  { selector: "Property[key.name='shell'][value.value=true]", message: 'shell: true is banned: pass an argv array.' },
  {
    selector: 'CallExpression[callee.name=/^(exec|execSync)$/]',
    message: 'exec is banned: use the Exec port with an argv array.',
  },
];
// What the page may not do: text from outside is text (I12), and a token lives no longer than its tab.
const asText = 'text from outside is text: let Preact write it.';
const markup = [
  { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: `Markup is banned: ${asText}` },
  { selector: 'MemberExpression[property.name=/^(inner|outer)HTML$/]', message: `Markup is banned: ${asText}` },
  {
    selector: 'CallExpression[callee.property.name=/^(insertAdjacentHTML|write)$/]',
    message: `Markup is banned: ${asText}`,
  },
];
const outside = [
  {
    selector: "CallExpression[callee.name='fetch']",
    message: 'fetch is banned outside src/ui/net: use the client, which brings the token and the deadline.',
  },
  {
    selector: 'Identifier[name=/^(localStorage|sessionStorage|indexedDB)$/]',
    message: 'Storage is banned outside src/ui/net: what a browser keeps is decided in one place.',
  },
];

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', 'coverage/**', '.cache/**', 'test/**/fixtures/**', 'examples/**'] },
  ...tseslint.configs.strictTypeChecked.map((config) => ({ ...config, files: ['**/*.ts', '**/*.tsx'] })),
  {
    files: ['**/*.ts', '**/*.tsx'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/only-throw-error': 'error',
      eqeqeq: 'error',
      'no-restricted-syntax': ['error', ...shell],
    },
  },
  {
    files: ['src/**/*.ts', 'src/**/*.tsx'],
    rules: {
      'max-lines': ['error', { max: 300 }],
      'max-lines-per-function': ['error', { max: 70, skipComments: true, skipBlankLines: true }],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/io/**', 'src/main.ts', 'src/ui/**'],
    rules: { 'no-restricted-syntax': ['error', ...shell, ...ambient] },
  },
  {
    files: ['src/ui/**/*.ts', 'src/ui/**/*.tsx'],
    rules: { 'no-restricted-syntax': ['error', ...shell, ...markup] },
  },
  {
    files: ['src/ui/**/*.ts', 'src/ui/**/*.tsx'],
    ignores: ['src/ui/net/**'],
    rules: { 'no-restricted-syntax': ['error', ...shell, ...markup, ...outside] },
  },
  {
    files: PURE.map((floor) => `src/${floor}/**/*.ts`),
    rules: {
      'no-restricted-globals': [
        'error',
        ...['process', 'fetch', 'setTimeout', 'setInterval', 'performance', 'crypto', 'console'].map((name) => ({
          name,
          message: `Pure floor: ${ports}.`,
        })),
      ],
    },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
    },
  },
);
