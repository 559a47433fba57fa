import type { SecretRef } from './secrets.ts';

/** Whom to believe. A host whose key none of this knows is refused: there is no trust on first use. */
export interface SshTrust {
  /** Files in OpenSSH's known_hosts format. One that is not there is as an empty one. */
  readonly knownHosts: readonly string[];
  /** Fingerprints as `ssh-keygen -l` prints them (`SHA256:…`). When given, they alone count for the host. */
  readonly fingerprints?: readonly string[];
  /** Fingerprints of authorities whose host certificates are believed, beside those of `@cert-authority` lines. */
  readonly authorities?: readonly string[];
}

/** As whom to log in, and how to prove it: a key file, an agent, or both in that order. Never a password. */
export interface SshLogin {
  readonly user: string;
  /** A private key file, in any format OpenSSH writes. */
  readonly keyFile?: string;
  readonly passphrase?: SecretRef;
  /** The socket of an ssh-agent. */
  readonly agent?: string;
}

/** One host as it is reached: its address, its key, our login, and the hosts to go through, the nearest first. */
export interface SshTarget {
  /** A name or an address. */
  readonly host: string;
  readonly port: number;
  readonly login: SshLogin;
  readonly trust: SshTrust;
  readonly via: readonly SshTarget[];
}

/**
 * A static script and its data. The script is sent over the standard input of the shell, never built; `args` are its
 * `$1`, `$2` … (in PowerShell `$args`), quoted for any login shell or sent beside it.
 */
export interface SshCommand {
  /** What runs the script. Default `sh`. `powershell` is Windows PowerShell 5.1 of a Windows host. */
  readonly shell?: 'sh' | 'powershell';
  /**
   * POSIX shell: it must do nothing before its last line, so that a cut connection cannot run half of it. PowerShell: it is
   * run only when it arrived whole. How its end is told when it was not run: `startFault` (io/clients/ssh/powershell.ts).
   */
  readonly script: string;
  /** What is refused: `commandLine` (io/clients/ssh/quote.ts); for PowerShell only a NUL. */
  readonly args: readonly string[];
  /** From the call to the last byte, connecting included. */
  readonly timeoutMs: number;
  /** Of output and errors together. Default `limits.sshOutputBytes`. */
  readonly maxBytes?: number;
  readonly signal: AbortSignal;
}

/** How a command ended, or that nobody can tell. */
export type SshOutcome =
  | {
      readonly is: 'ended';
      /** Null when a signal ended it. */
      readonly code: number | null;
      readonly signalName: string | null;
      readonly stdout: Uint8Array;
      /** Untrusted, as stdout is. */
      readonly stderr: string;
    }
  /** The command was sent and its end was not seen: it may have happened. Never repeat it blindly; look first. */
  | {
      readonly is: 'unknown';
      readonly reason: 'timeout' | 'unreachable' | 'too-large' | 'aborted';
      readonly message: string;
    };

/** Connections to hosts: one each, made when first needed, shared by all that runs there, and made anew after a fault. */
export interface SshClient {
  /**
   * Runs a command. Throws WatchkeeperError only when it certainly did not start: `unauthorized` (our login was
   * refused), `forbidden` (its key is not one to believe, or it allows no commands), `unreachable` (or asked too soon after
   * a fault), `timeout`, `aborted`, `rate-limited` (a bound on connections or commands), `config-invalid`.
   */
  run(target: SshTarget, command: SshCommand): Promise<SshOutcome>;
  /** Closes all connections. */
  close(): void;
}

/** A host of an inventory, as a hand knows it. */
export interface SshHost {
  readonly name: string;
  readonly groups: readonly string[];
  /** What runs there; Linux when absent. */
  readonly os?: 'linux' | 'windows';
}

/** The hosts of one inventory, for hands: reached with a login of their own, over connections of their own. */
export interface SshOperator {
  /** As whom commands run there. */
  readonly user: string;
  /**
   * The hosts of a place, by name and in order: one host, or all of a group. The inventory is read anew.
   * @throws `not-found` when there is none, or not the one that is named.
   */
  hosts(place: { readonly host?: string; readonly group?: string }, signal: AbortSignal): Promise<readonly SshHost[]>;
  /** Runs a script that only looks. @throws as `SshClient.run`, and `not-found` for a host that is not in the inventory. */
  look(host: string, command: SshCommand): Promise<SshOutcome>;
  /** Runs a script that may change the host. @throws as `look`, and `fenced` when we no longer lead. */
  act(host: string, command: SshCommand): Promise<SshOutcome>;
}

/** Inventories to act in: those that watchkeeper.yaml lists under operators.ssh, and no others. */
export interface SshOperators {
  /** @throws `forbidden` when hands have no login for the hosts of that source. */
  operator(source: string): SshOperator;
  /** Closes all connections. */
  close(): void;
}

/** Makes clients. Each has its own connections: a reader's are never a hand's. */
export interface SshClients {
  client(): SshClient;
}
