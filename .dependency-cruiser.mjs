// The import law of docs/architecture.md, as rules. Type-only imports count (tsPreCompilationDeps).
const PURE = 'detectors|incidents|diagnosis|catalog|runbooks|policy';
const EDGE = 'sources|actions|chat|ledger|store';
const severity = 'error';
const may = {
  lib: '',
  domain: 'lib',
  io: 'lib|domain',
  ...Object.fromEntries(PURE.split('|').map((floor) => [floor, 'lib|domain'])),
  ...Object.fromEntries(EDGE.split('|').map((floor) => [floor, 'lib|domain|io'])),
  agent: `lib|domain|io|${PURE}|${EDGE}`,
  api: 'lib|domain|agent',
  cli: 'lib|domain|agent|api',
  ui: 'lib|domain',
};

export default {
  forbidden: [
    ...Object.entries(may).map(([from, to]) => ({
      name: `floor-${from}`,
      severity,
      comment: `src/${from} may import only: ${to || 'nothing'} (docs/architecture.md, "Import law")`,
      from: { path: `^src/${from}/` },
      to: { path: '^src/', pathNot: `^src/(${from}${to && `|${to}`})/` },
    })),
    {
      name: 'adapters-are-islands',
      severity,
      comment: 'An adapter never imports its sibling; share through io/ or lib/.',
      from: { path: `^src/(${EDGE})/([^/]+)/` },
      to: { path: '^src/$1/[^/]+/', pathNot: '^src/$1/$2/' },
    },
    {
      name: 'lib-and-domain-do-no-io',
      severity,
      comment: 'lib may hash (node:crypto) and nothing else of Node; domain names no library at all.',
      from: { path: '^src/lib/' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
    },
    {
      name: 'domain-names-no-library',
      severity,
      comment: 'domain is types and ports; a library named here would bind every floor to it.',
      from: { path: '^src/domain/' },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'] },
    },
    {
      name: 'pure-stages-do-no-io',
      severity,
      comment: 'A decision is a function of its Snapshot: lib, domain and zod only. Hash through lib/canonical.',
      from: { path: `^src/(${PURE})/` },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'], pathNot: 'node_modules/zod/' },
    },
    {
      name: 'agent-has-one-door',
      severity,
      comment: 'api and cli are windows on agent/index.ts; put what they need behind it.',
      from: { path: '^src/(api|cli)/' },
      to: { path: '^src/agent/', pathNot: '^src/agent/index[.]ts$' },
    },
    {
      name: 'page-takes-types-alone',
      severity,
      comment: 'The page speaks HTTP and is built for a browser: of domain it takes types, which leave nothing behind.',
      from: { path: '^src/ui/' },
      to: { path: '^src/domain/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'page-runs-in-a-browser',
      severity,
      comment:
        'Nothing of Node is in a browser, and every library is weight on a phone: preact, its signals and uplot.',
      from: { path: '^src/ui/' },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'], pathNot: 'node_modules/(preact|@preact/signals|uplot)/' },
    },
    {
      name: 'page-takes-pure-lib',
      severity,
      comment: 'This part of lib hashes with Node: the page has its own in src/ui/ledger, on WebCrypto.',
      from: { path: '^src/ui/' },
      to: { path: '^src/lib/(canonical|cel/|packed-keys)' },
    },
    {
      name: 'page-is-not-imported',
      severity,
      comment: 'The page is built beside the daemon, never into it.',
      from: { path: '^src/(?!ui/)' },
      to: { path: '^src/ui/' },
    },
    {
      name: 'no-cycle',
      severity,
      comment: 'Break the cycle by moving the shared part down a floor.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-test-in-src',
      severity,
      comment: 'Product code never imports tests.',
      from: { path: '^src/' },
      to: { path: '^test/' },
    },
    { name: 'resolvable', severity, comment: 'The import does not resolve.', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
