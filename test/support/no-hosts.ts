import type { SshClients, SshOperators } from '../../src/domain/ports/ssh.ts';

/** For a reader that is given no hosts. */
export const noHosts: SshClients = {
  client: () => {
    throw new Error('there are no hosts in this test');
  },
};

/** For hands that are given no hosts. */
export const noFleet: SshOperators = {
  operator: () => {
    throw new Error('there are no hosts in this test');
  },
  close: () => undefined,
};
