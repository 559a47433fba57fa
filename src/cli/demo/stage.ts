import { rmSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, readlink, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Random } from '../../domain/ports/io.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import type { Shell } from '../shell.ts';
import { createCast, type Cast, type Player } from './cast.ts';

/** The real things on the stage: a folder, two services with their supervisors, customers, and the daemon. */
export interface Stage {
  readonly folder: string;
  readonly dataDir: string;
  readonly cast: Cast;
  /** `node dist/main.js`, as a viewer would have to type it. */
  readonly cli: readonly [string, string];
  /** Environment of the CLI and the daemon: nothing of the viewer's own settings. */
  readonly environment: Readonly<Record<string, string>>;
  readonly shopUrl: string;
  deploy(version: string): Promise<void>;
  /** Begins the freeze: a policy file put into the folder that the daemon watches. */
  freeze(fromMs: number): Promise<void>;
  startDaemon(): Player;
  currentRelease(): Promise<string>;
  /** Ends every process and removes the folder. */
  clear(): Promise<void>;
}

const perSecond = 60;
/** Customers leave after this long whatever happens. */
const mostSeconds = 300;

/** Builds the stage in a fresh folder and starts services and customers. What was started is ended if that fails. */
export async function setStage(shell: Shell): Promise<Stage> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'watchkeeper-demo-')));
  const cast = createCast(shell.clock, folder);
  // The process may also end in the middle of everything: whoever asks twice wants out now.
  const hasty = (): void => {
    cast.abandon();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  };
  process.once('exit', hasty);
  const clear = async (): Promise<void> => {
    await cast.end();
    process.off('exit', hasty);
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    return { ...(await build(shell, folder, cast)), clear };
  } catch (thrown) {
    await clear();
    throw thrown;
  }
}

async function build(shell: Shell, folder: string, cast: Cast): Promise<Omit<Stage, 'clear'>> {
  const source = path.join(shell.productFolder, 'examples', 'demo');
  const shop = path.join(folder, 'shop');
  const dataDir = path.join(folder, 'data');
  const cartPort = await freePort(shell.random);
  const checkoutPort = await freePort(shell.random);
  const urls = { CART_URL: `http://127.0.0.1:${cartPort}`, CHECKOUT_URL: `http://127.0.0.1:${checkoutPort}` };
  const values = { ...urls, SHOP: shop, APPROVER: `cli:${shell.user.name}` };
  const config = path.join(folder, 'watchkeeper');
  await Promise.all([mkdir(shop), mkdir(dataDir, { mode: 0o700 })]);
  await chmod(dataDir, 0o700);
  await fill(path.join(source, 'watchkeeper'), config, values, ['freeze.yaml']);
  const environment = { PATH: shell.environment['PATH'] ?? '/usr/bin:/bin', NODE_ENV: 'production' };
  const node = process.execPath;
  const deploy = async (service: string, version: string, ...files: string[]): Promise<void> => {
    const sources = files.map((file) => path.join(source, 'shop', file));
    const argv = [node, path.join(source, 'deploy.mjs'), path.join(shop, service), version, ...sources] as const;
    const { code, err } = await cast.run(argv, environment);
    if (code !== 0) throw new WatchkeeperError('internal', `${service} ${version} cannot be deployed: ${err}`);
  };
  const deployCheckout = (version: string): Promise<void> =>
    deploy('checkout', version, 'server.mjs', 'cart-client.mjs', `versions/${version}`);
  const supervise = (service: string, port: number): Player =>
    cast.start(`${service}-supervisor`, [node, path.join(source, 'supervisor.mjs'), path.join(shop, service)], {
      ...environment,
      CART_URL: urls.CART_URL,
      PORT: String(port),
      LOG_FILE: path.join(shop, `${service}.log`),
    });
  await deploy('cart', 'v1', 'server.mjs', 'cart');
  await deployCheckout('v1');
  supervise('cart', cartPort);
  supervise('checkout', checkoutPort);
  const load = [path.join(source, 'load.mjs'), `${urls.CHECKOUT_URL}/checkout`, String(perSecond), String(mostSeconds)];
  cast.start('customers', [node, ...load], environment);
  const cli = [node, path.join(shell.productFolder, 'dist', 'main.js')] as const;
  return {
    ...{ folder, dataDir, cast, cli, environment, shopUrl: urls.CHECKOUT_URL },
    deploy: deployCheckout,
    freeze: async (fromMs) => {
      const text = await readFile(path.join(source, 'watchkeeper', 'freeze.yaml'), 'utf8');
      const time = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
      const filled = fillIn(text, { FREEZE_FROM: time(fromMs), FREEZE_UNTIL: time(fromMs + 3_600_000) }, 'freeze.yaml');
      await writeFile(path.join(config, 'policies', 'freeze.yaml'), filled);
    },
    startDaemon: () => {
      const options = ['--config', path.join(config, 'watchkeeper.yaml'), '--data-dir', dataDir];
      const keeper = path.join(source, 'keeper.mjs');
      return cast.start('daemon', [node, keeper, ...cli, 'run', ...options], environment);
    },
    currentRelease: async () => path.basename(await readlink(path.join(shop, 'checkout', 'current'))),
  };
}

// Copies a tree of YAML, with `${NAME}` replaced. An unknown name is our own mistake and is told.
async function fill(
  from: string,
  to: string,
  values: Readonly<Record<string, string>>,
  except: readonly string[],
): Promise<void> {
  await mkdir(to);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (except.includes(entry.name)) continue;
    if (entry.isDirectory()) await fill(source, target, values, except);
    else if (!entry.name.endsWith('.yaml')) await cp(source, target);
    else await writeFile(target, fillIn(await readFile(source, 'utf8'), values, entry.name));
  }
}

function fillIn(text: string, values: Readonly<Record<string, string>>, file: string): string {
  return text.replace(/^(?!\s*#).*$/gm, (line) =>
    line.replace(/\$\{(\w+)\}/g, (_, name: string) => {
      const value = values[name];
      if (value === undefined) throw new WatchkeeperError('internal', `${file}: nothing is known of ${name}`);
      return value;
    }),
  );
}

// Below the range from which the kernel takes ports for outgoing connections: those of our own customers could
// otherwise sit on a service's port while it restarts.
async function freePort(random: Random): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = 20_000 + Math.floor(random.uniform() * 12_000);
    if (await isFree(port)) return port;
  }
  throw new WatchkeeperError('conflict', 'no free port was found between 20000 and 32000');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
