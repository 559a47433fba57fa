import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { windowsAct, windowsLook } from '../../src/actions/host/windows/scripts.ts';
import type { ActionContext } from '../../src/domain/ports/action.ts';
import type { SshPlace } from '../../src/domain/places.ts';
import { sshOperators } from '../../src/io/clients/ssh/operators.ts';
import { contextOf, realHands, serviceAt } from './host-service.ts';
import { framed, windowsHost } from './powershell.ts';
import { realReader } from './real-reader.ts';
import { sshServer } from './ssh-server.ts';
import type { TestSshServer } from './ssh-server.ts';
import { actOn, factsOf, windowsWorld } from './windows-world.ts';
import type { WindowsAsk, WindowsWorld } from './windows-world.ts';

export { windowsWorld, type WindowsWorld } from './windows-world.ts';

/** A Windows host with a login for hands, behind a real SSH server. */
export interface WindowsHands {
  readonly world: WindowsWorld;
  readonly server: TestSshServer;
  /** How often the acting script ran. */
  readonly acts: () => number;
  readonly context: (signal?: AbortSignal, timeoutMs?: number) => ActionContext;
  readonly remove: () => Promise<void>;
}

/** Starts one. `os` is what the inventory says of it. */
export async function windowsHands(
  world: WindowsWorld = windowsWorld(),
  os: 'linux' | 'windows' = 'windows',
  place: Partial<SshPlace> = { unit: 'Shop', iis: { pool: 'shop', site: 'shop' } },
): Promise<WindowsHands> {
  const folder = mkdtempSync(path.join(tmpdir(), 'wk-windows-hands-'));
  const server = await sshServer();
  let acts = 0;
  const answer = windowsHost(({ script, args }) => {
    const asked = JSON.parse(args[0] ?? '') as WindowsAsk;
    if (script === windowsLook) return framed({ facts: factsOf(world, asked.verb) });
    if (script !== windowsAct) return { code: 1 };
    acts++;
    return framed(actOn(world, asked));
  });
  server.behave((channel, line, input, connection) => {
    const before = acts;
    if (world.cutAfterAct !== true) {
      answer(channel, line, input, connection);
      return;
    }
    // The host does what it was told, and its answer is lost.
    const deaf = { write: () => true, exit: () => undefined, end: () => undefined, stderr: { write: () => true } };
    answer(deaf as unknown as typeof channel, line, input, connection);
    if (acts > before) server.cut();
    else answer(channel, line, input, connection);
  });
  writeFileSync(path.join(folder, 'key'), server.clientKey);
  writeFileSync(path.join(folder, 'known'), `[127.0.0.1]:${server.port} ${server.hostKey}\n`);
  const login = { user: 'hand', keyFile: path.join(folder, 'key') };
  const inventory = {
    login,
    knownHosts: [path.join(folder, 'known')],
    jump: [],
    hosts: { 'win-1': { address: '127.0.0.1', port: server.port, os, groups: ['shop'], labels: {} } },
    ansible: [],
    cloud: [],
  };
  const ssh = sshOperators(realReader({}), [{ source: 'fleet', login, inventory }]);
  const service = {
    ...serviceAt({}),
    runsOn: [{ on: 'ssh', ssh: { source: 'fleet', host: 'win-1', ...place } } as const],
  };
  return {
    world,
    server,
    acts: () => acts,
    context: (signal, timeoutMs) => contextOf(service, { ...realHands(), ssh }, timeoutMs ?? 4_000, signal),
    remove: async () => {
      ssh.close();
      await server.close();
      rmSync(folder, { recursive: true });
    },
  };
}
