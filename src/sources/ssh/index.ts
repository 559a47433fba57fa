import type { SourceKind } from '../../domain/ports/source.ts';
import { later } from '../later.ts';
import { sshQuery } from '../../io/clients/linux/query.ts';
import { sshConfig } from './schema.ts';
import type { SshConfig } from './schema.ts';
import { sshTraits } from './traits.ts';

/**
 * # Linux and Windows hosts over SSH, with nothing installed on them
 *
 * The readers of this machine (`io/clients/linux`) read others as well: what they ask of files and of systemd is answered
 * by one fixed script (`remote/script.ts`), fetched before they ask, so that a sample is one round trip. `README.md` says
 * what is read and what is not; docs/hosts.md how hosts are set up. Windows hosts are read by one fixed PowerShell script
 * (`windows/`), which prints one JSON document.
 *
 * Deliberately absent: any write on a host, any command that is built from data, trust on first use.
 */
export const sshSource: SourceKind<SshConfig> = {
  kind: 'ssh',
  summary: 'Linux and Windows hosts over SSH, agentless: CPU, memory, disks, network, units, logs and changes.',
  traits: sshTraits,
  config: sshConfig,
  query: sshQuery,
  create: later<SshConfig>({
    kind: 'ssh',
    traits: sshTraits,
    intervalMs: (config) => config.interval,
    rings: () => ['newServices'],
    load: async () => (await import('./source.ts')).createSshSource,
  }),
};
