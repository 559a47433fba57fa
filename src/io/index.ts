/**
 * The only floor that touches the world: time, randomness, network, files, processes, the environment. Everything else
 * receives these as ports (domain/ports/io.ts), so that whole incidents can be simulated under a seed and a virtual
 * clock. A reader's io and an operator's io are different objects; only src/actions is ever given the latter.
 */
export { systemClock } from './clock.ts';
export { systemRandom } from './random.ts';
export { nodeHttp } from './http.ts';
export { readFiles, writeFiles } from './files.ts';
export { nodeExec, nodeProcesses } from './exec.ts';
export { nodeSockets } from './sockets.ts';
export { createLog, type LogLevel, type LogTarget } from './log.ts';
export { createScrubber, type Scrubber } from './scrub.ts';
export { createSecrets } from './secrets.ts';
export { readEnvironment, type Environment } from './environment.ts';
export {
  makeReaderIo,
  makeOperatorIo,
  makeAwsHands,
  makeAzureHands,
  makeGcpHands,
  makeSshHands,
  type Ambient,
} from './compose.ts';
export { cloudKinds, type CloudSource } from './clients/cloud/hosts.ts';
export type { SshHands } from './clients/ssh/operators.ts';
