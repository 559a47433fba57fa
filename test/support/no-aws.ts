import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { AwsOperators, AwsReaders } from '../../src/domain/ports/aws.ts';
import type { CloudHosts } from '../../src/domain/ports/cloud-hosts.ts';

/** A world without AWS: asking for an account is a mistake of the test. */
export const noAws: AwsReaders & AwsOperators = {
  reader: ({ source }) => {
    throw new WatchkeeperError('unsupported', `there is no AWS ${source} here`);
  },
  session: ({ source }) => Promise.reject(new WatchkeeperError('forbidden', `there is no AWS ${source} here`)),
};

/** A world without clouds: asking for their machines is a mistake of the test. */
export const noCloudHosts: CloudHosts = {
  list: ({ source }) => Promise.reject(new WatchkeeperError('unsupported', `there is no cloud ${source} here`)),
};
