import type { Labels } from '../telemetry.ts';

/** Which machines of a cloud are meant: those of a configured source that run and bear all of these tags. */
export interface CloudHostsQuery {
  /** The id of the cloud's source in watchkeeper.yaml, whose accounts, regions and credentials are used. */
  readonly source: string;
  /** Tags (labels in Google Cloud) and their values; `*` is any value. */
  readonly tags: Readonly<Record<string, string>>;
}

/** One machine of a cloud. */
export interface CloudHost {
  /** The provider's own id. */
  readonly id: string;
  /** What people call it, where they do. */
  readonly name?: string;
  readonly privateAddress?: string;
  readonly publicAddress?: string;
  readonly os: 'linux' | 'windows';
  readonly tags: Labels;
  /** Where it is: `region`, `zone`, `account` or `project`, `instance_type`. */
  readonly place: Labels;
}

/** What a cloud said, and why it could not be asked now: machines it told of before are among `hosts` then. */
export interface CloudHostsAnswer {
  readonly hosts: readonly CloudHost[];
  readonly problem?: string;
}

/** The machines of configured clouds, for inventories. Answers may be some minutes old; it never throws but for a signal. */
export interface CloudHosts {
  list(query: CloudHostsQuery, signal: AbortSignal): Promise<CloudHostsAnswer>;
}
