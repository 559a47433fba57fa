import type { Command } from 'commander';

import type { Daemon } from '../../agent/index.ts';
import type { TokenGrant } from '../../api/index.ts';
import type { Log, Secrets } from '../../domain/ports/io.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { makeCommand, onAction, type Making } from '../run-command.ts';
import { logSink } from '../log-sink.ts';
import { version } from '../product.ts';
import { resourceOptions, sourceOfResources, type ResourceOptions } from '../resource-options.ts';
import type { Shell } from '../shell.ts';
import { waysIn } from '../ways-in.ts';
import { exitCodeOf, exitCodes } from '../exit.ts';

/** `run`: the watch itself, until a signal ends it. Prints nothing but its log. */
export function runCommand(making: Making): Command {
  const command = resourceOptions(makeCommand('run', 'stand the watch, until SIGTERM or SIGINT'));
  return onAction<ResourceOptions>(making, command, async ({ shell, options }) => {
    const [{ openDaemon }, { openPage, startServer }] = await Promise.all([
      import('../../agent/index.ts'),
      import('../../api/index.ts'),
    ]);
    const { createLog } = await import('../../agent/index.ts');
    const hardStop = new AbortController();
    const place = sourceOfResources(shell, options);
    const daemon = await openDaemon({
      ...place,
      version: await version(shell),
      clock: shell.clock,
      random: shell.random,
      makeLog: (config, scrubber) => createLog(config.log.level, scrubber, logSink(shell, config.log.format)),
      write: (text) => shell.err.write(text),
      // Not the shell's: a stop is asked for, carried out in order, and only then is anything cut off.
      signal: hardStop.signal,
    });
    const { agent, config, log } = daemon;
    shell.onFault((thrown) => {
      log.error('a fault that nothing caught ends the daemon', { error: WatchkeeperError.from(thrown) });
      shell.exit(exitCodes.internal);
    });
    for (const note of daemon.notes) log.warn('the files have something to say', { note });
    const { host, port } = config.http.listen;
    const server = await startServer({
      agent,
      clock: shell.clock,
      host,
      port,
      log,
      grants: await grantsOf(shell, daemon),
      auth: await waysIn(shell, daemon),
      hosts: namesOf(host, config.http.publicUrl),
      page: openPage(shell.files, `${shell.productFolder}/dist/ui`),
    });
    let ended: WatchkeeperError | undefined;
    try {
      await agent.start();
      // A stop that is asked for meanwhile comes in its turn: cut off here, it would be a fault of the start.
      await announce(shell, config.dataDir, server.url, hardStop.signal);
      log.info('ready', { url: server.url, dataDir: config.dataDir, pid: shell.pid });
      await untilAsked(AbortSignal.any([shell.signal, daemon.over]));
      ended = shell.signal.aborted ? undefined : WatchkeeperError.from(daemon.over.reason);
      log.info('stopping', ended === undefined ? {} : { because: ended });
    } finally {
      await withdraw(shell, config.dataDir, log);
      await server.close();
      await agent.stop();
      hardStop.abort(new WatchkeeperError('aborted', 'the daemon has stopped'));
    }
    log.info('stopped', {});
    if (ended === undefined) return exitCodes.ok;
    // Whatever of a deposed leader has not stopped by now ends here.
    shell.exit(lost.has(ended.code) ? exitCodes.deposed : exitCodeOf(ended.code));
    return exitCodes.deposed;
  });
}

const lost: ReadonlySet<string> = new Set(['fenced', 'store-failed', 'unreachable', 'timeout']);

function untilAsked(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

// On loopback the daemon answers only to its local names: a web page must not reach it through DNS rebinding.
function namesOf(host: string, publicUrl: string | undefined): readonly string[] {
  const local = host === 'localhost' || host === '::1' || host.startsWith('127.');
  const named = publicUrl === undefined ? [] : [new URL(publicUrl).hostname.toLowerCase()];
  return local ? ['localhost', '127.0.0.1', '[::1]', host, ...named] : [];
}

async function grantsOf(shell: Shell, daemon: Daemon): Promise<readonly TokenGrant[]> {
  const { grantFor } = await import('../../api/index.ts');
  const { tokens } = daemon.config.http;
  if (tokens.length === 0) {
    const token = await localToken(shell, daemon.config.dataDir, daemon.secrets);
    return [grantFor(token, { id: `cli:${shell.user.name}`, groups: [] }, 'admin')];
  }
  return Promise.all(
    tokens.map(async ({ name, groups, role, secret }) =>
      grantFor(await daemon.secrets.resolve(secret, shell.signal), { id: `token:${name}`, groups }, role),
    ),
  );
}

// Whoever may read the data folder is this user, so a token in it proves exactly that.
async function localToken(shell: Shell, dataDir: string, secrets: Secrets): Promise<string> {
  const file = `${dataDir}/api-token`;
  if ((await shell.files.stat(file, shell.signal)) === undefined)
    await shell.files.writeAtomic(
      file,
      `${Buffer.from(shell.random.bytes(32)).toString('base64url')}\n`,
      0o600,
      shell.signal,
    );
  return secrets.resolve({ file }, shell.signal);
}

async function announce(shell: Shell, dataDir: string, url: string, signal: AbortSignal): Promise<void> {
  const text = `${JSON.stringify({ url, pid: shell.pid })}\n`;
  await shell.files.writeAtomic(`${dataDir}/daemon.json`, text, 0o600, signal);
}

async function withdraw(shell: Shell, dataDir: string, log: Log): Promise<void> {
  try {
    await shell.files.unlink(`${dataDir}/daemon.json`, new AbortController().signal);
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    if (error.code !== 'not-found') log.warn('daemon.json could not be removed', { error });
  }
}
