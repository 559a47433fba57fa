/**
 * # Load: from what people write to what the daemon runs on
 *
 * `watchkeeper.yaml` and folders of resource documents come in; either one checked set comes out, or every problem of
 * every file at once, each with file:line:col, the line itself and the nearest right word. The rooms parse their own
 * kinds and are handed in, so this folder knows YAML, files and positions, and no kind. Reading goes through the
 * ReadFiles port and waiting through the Clock, so that a test reloads a ConfigMap in no time.
 *
 * The way: `walk` finds and reads files → `source-text` decodes → `yaml` parses to JSON with `locate` as the way back →
 * `document` checks the envelope → the room parses `spec` → `resources` checks names and runs the cross check.
 * `config` does the same for watchkeeper.yaml with `config-env` laid over it, `load-all` does both, and `reload` does
 * it again whenever the content changes, keeping the last good set.
 */
export { loadConfig } from './config.ts';
export type { AdapterConfig, AdapterKinds, Config, LoadConfigOptions, LoadedConfig, ShippedKind } from './config.ts';
export { settings, type Setting } from './config-env.ts';
export type { ApiToken, ListenAddress } from './config-schema.ts';
export type { DocumentFeed, FedDocument } from './feed.ts';
export { documentKinds, parseDocument } from './document.ts';
export { loadAll, type ConfiguredCheck, type Loaded, type LoadOptions, type LoadOutcome } from './load-all.ts';
export { problemLine, problemsJson, renderProblems, type Locate, type Problem } from './problem.ts';
export { createReloader, type Reloader, type ReloaderOptions, type ReloadReport } from './reload.ts';
export { loadResources } from './resources.ts';
export type { CrossCheck, LoadedDocument, LoadResult, Parsers, TestDocument } from './resources.ts';
export { schemaFor, schemaForAny, schemaForConfig, type SpecSchemas } from './schemas.ts';
