import { WatchkeeperError } from '../../lib/errors.ts';
import type { SshOperators } from '../../domain/ports/ssh.ts';
import { makeSshHands, type Ambient } from '../../io/index.ts';
import type { Config } from '../load/index.ts';

/** How the hands fared on the hosts of one source. */
export interface HandsReport {
  readonly what: 'operator';
  readonly id: string;
  readonly kind: 'ssh';
  readonly ok: boolean;
  readonly message: string;
  readonly fix?: string;
}

// Says whether there is a way to act as root. It runs nothing.
const script = `main() { [ "$(id -u)" = 0 ] || command -v sudo; }
main </dev/null
`;

/** Logs in as the hands to every host that they may act on, and looks whether there is a sudo. Changes nothing. */
export async function handsReports(
  hands: Config['operators']['ssh'],
  sources: Config['sources'],
  ambient: Ambient,
  signal: AbortSignal,
  withinMs: number,
): Promise<readonly HandsReport[]> {
  if (hands.length === 0) return [];
  const operators = makeSshHands(ambient, hands, sources);
  try {
    return await Promise.all(hands.map(({ source }) => report(operators, source, signal, withinMs)));
  } finally {
    operators.close();
  }
}

async function report(
  operators: SshOperators,
  source: string,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<HandsReport> {
  const about = { what: 'operator', id: source, kind: 'ssh' } as const;
  try {
    const operator = operators.operator(source);
    const hosts = await operator.hosts({ group: 'all' }, signal);
    const looks = await Promise.allSettled(
      hosts.map(async ({ name }) => {
        const outcome = await operator.look(name, { script, args: [], timeoutMs, signal });
        if (outcome.is === 'unknown') throw new WatchkeeperError(outcome.reason, `${name}: ${outcome.message}`);
        if (outcome.code === 0) return;
        throw new WatchkeeperError('forbidden', `${name} has no sudo for ${operator.user}`, {
          fix: 'Install sudo there, with what "watchkeeper permissions ssh" prints.',
        });
      }),
    );
    const faults = looks.flatMap((look) => (look.status === 'rejected' ? [WatchkeeperError.from(look.reason)] : []));
    const [first] = faults;
    if (first === undefined)
      return { ...about, ok: true, message: `${hosts.length} hosts let ${operator.user} in, and have sudo` };
    const message = `${faults.length} of ${hosts.length} hosts cannot be acted on; ${first.message}`;
    return { ...about, ok: false, message, ...(first.fix === undefined ? {} : { fix: first.fix }) };
  } catch (thrown) {
    const { message, fix } = WatchkeeperError.from(thrown);
    return { ...about, ok: false, message, ...(fix === undefined ? {} : { fix }) };
  }
}
