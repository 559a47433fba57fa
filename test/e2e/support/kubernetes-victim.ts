import { actionKinds } from '../../../src/actions/index.ts';
import {
  createScrubber,
  createSecrets,
  makeOperatorIo,
  readFiles,
  systemClock,
  systemRandom,
} from '../../../src/io/index.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import type { Service } from '../../../src/domain/service.ts';
import { recordingLog } from '../../support/quiet-log.ts';

/** A process that carries out one act and is killed somewhere in the middle: it says `go`, acts, and says `done`. */
const [kubeconfig = '', given = '{}'] = process.argv.slice(2);
const { kind, params, before, key, service } = JSON.parse(given) as {
  readonly kind: string;
  readonly params: JsonObject;
  readonly before: JsonObject;
  readonly key: string;
  readonly service: Service;
};
const secrets = createSecrets(readFiles, {}, createScrubber());
const ambient = { clock: systemClock, random: systemRandom, log: recordingLog(), secrets };
const io = makeOperatorIo(ambient, '/usr/bin:/bin', { kubernetes: [{ cluster: 'kubernetes', kubeconfig }] });
const signal = AbortSignal.timeout(120_000);
// The connection is open and the client is loaded before the clock runs; on a busy machine that takes its time.
const ready = (): Promise<unknown> =>
  io.kubernetes
    .operator('kubernetes')
    .version(signal)
    .catch(() => (signal.aborted ? undefined : ready()));
await ready();
process.stdout.write('go\n');
await actionKinds[kind]?.run(params, before, key, { service, io, epoch: 1, signal, timeoutMs: 30_000 });
process.stdout.write('done\n');
