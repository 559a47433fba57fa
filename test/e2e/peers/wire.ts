import { spawnSync } from 'node:child_process';

/**
 * Networks of a test's own: each host in a network namespace of its own, on two wires. The outer one reaches here; the inner one
 * reaches nowhere but its own hosts. The bridges stand in a namespace of their own, so that no filter of this machine's is in
 * their way. Needs root and `ip`.
 */
export interface Wires {
  /** Adds a host; gives its addresses. */
  plug(name: string): { readonly net: string; readonly outer: string; readonly inner: string };
  /** Takes a host off the outer wire, or puts it back: nothing answers any more, not even with a refusal. */
  cut(name: string, cut: boolean): void;
  remove(): void;
}

let made = 0;

/** Lays both wires. */
export function layWires(): Wires {
  made += 1;
  const id = `${(process.pid % 46_656).toString(36)}${made}`;
  const hub = `wkhub-${id}`;
  const octet = 1 + ((process.pid + made * 31) % 250);
  const nets = [hub];
  const addresses = { outer: `10.213.${octet}`, inner: `10.214.${octet}` };
  ip('netns', 'add', hub);
  for (const wire of ['outer', 'inner']) {
    inside(hub, 'link', 'add', wire, 'type', 'bridge');
    inside(hub, 'link', 'set', wire, 'up');
  }
  ip('link', 'add', `wk${id}`, 'type', 'veth', 'peer', 'name', 'here', 'netns', hub);
  inside(hub, 'link', 'set', 'here', 'master', 'outer', 'up');
  ip('addr', 'add', `${addresses.outer}.1/24`, 'dev', `wk${id}`);
  ip('link', 'set', `wk${id}`, 'up');
  return {
    plug(name) {
      const net = `wk-${id}-${name}`;
      ip('netns', 'add', net);
      nets.push(net);
      const last = 9 + nets.length;
      inside(net, 'link', 'set', 'lo', 'up');
      for (const wire of ['outer', 'inner'] as const) {
        ip('link', 'add', wire, 'netns', net, 'type', 'veth', 'peer', 'name', `${wire[0] ?? ''}-${name}`, 'netns', hub);
        inside(hub, 'link', 'set', `${wire[0] ?? ''}-${name}`, 'master', wire, 'up');
        inside(net, 'addr', 'add', `${addresses[wire]}.${last}/24`, 'dev', wire);
        inside(net, 'link', 'set', wire, 'up');
      }
      return { net, outer: `${addresses.outer}.${last}`, inner: `${addresses.inner}.${last}` };
    },
    cut: (name, cut) => inside(hub, 'link', 'set', `o-${name}`, cut ? 'down' : 'up'),
    remove() {
      for (const net of nets.reverse()) spawnSync('ip', ['netns', 'delete', net]);
      spawnSync('ip', ['link', 'delete', `wk${id}`]);
    },
  };
}

function inside(net: string, ...words: readonly string[]): void {
  ip('-n', net, ...words);
}

function ip(...words: readonly string[]): void {
  const { status, stderr, error } = spawnSync('ip', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${words.join(' ')}: ${error?.message ?? stderr}`);
}
