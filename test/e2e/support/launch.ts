// The daemon as a process: `launch.ts run [--config FILE] --data-dir FOLDER`.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { openDaemon } from '../../../src/agent/index.ts';
import { grantFor, startServer } from '../../../src/api/index.ts';
import { createLog, readEnvironment, systemClock, systemRandom, writeFiles } from '../../../src/io/index.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const { values } = parseArgs({
  allowPositionals: true,
  options: { config: { type: 'string' }, 'data-dir': { type: 'string' } },
});
const dataDir = values['data-dir'] ?? '';
const asked = Promise.withResolvers<undefined>();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => asked.resolve(undefined));
const hard = new AbortController();

try {
  const daemon = await openDaemon({
    ...(values.config === undefined ? {} : { configFile: values.config }),
    folder: process.cwd(),
    dataDir,
    environment: { ...readEnvironment(), WATCHKEEPER_DATA_DIR: dataDir },
    shipped: {
      detectors: path.join(root, 'detectors'),
      runbooks: path.join(root, 'runbooks'),
      policies: path.join(root, 'policies'),
    },
    version: '0.0.0',
    clock: systemClock,
    random: systemRandom,
    makeLog: (config, scrubber) =>
      createLog(config.log.level, scrubber, { write: (line) => void process.stdout.write(line) }),
    write: (text) => void process.stderr.write(text),
    signal: hard.signal,
  });
  const { agent, config, log } = daemon;
  const tokenFile = path.join(dataDir, 'api-token');
  await writeFiles.writeAtomic(
    tokenFile,
    `${Buffer.from(systemRandom.bytes(32)).toString('base64url')}\n`,
    0o600,
    hard.signal,
  );
  const server = await startServer({
    agent,
    ...config.http.listen,
    log,
    grants: [grantFor(readFileSync(tokenFile, 'utf8').trim(), { id: 'cli:test', groups: [] })],
    hosts: ['localhost', '127.0.0.1'],
  });
  await agent.start();
  await writeFiles.writeAtomic(
    path.join(dataDir, 'daemon.json'),
    JSON.stringify({ url: server.url, pid: process.pid }),
    0o600,
    hard.signal,
  );
  await asked.promise;
  await writeFiles.unlink(path.join(dataDir, 'daemon.json'), hard.signal);
  await server.close();
  await agent.stop();
  hard.abort();
} catch (thrown) {
  const error = WatchkeeperError.from(thrown);
  process.stderr.write(`error: ${error.message}\n${error.fix ?? ''}\n`);
  process.exit(error.code === 'config-invalid' ? 2 : error.code === 'store-failed' ? 6 : 1);
}
