import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { AwsOperators, AwsReaders } from '../../src/domain/ports/aws.ts';

/** A world without AWS: asking for an account is a mistake of the test. */
export const noAws: AwsReaders & AwsOperators = {
  reader: ({ source }) => {
    throw new WatchkeeperError('unsupported', `there is no AWS ${source} here`);
  },
  session: ({ source }) => Promise.reject(new WatchkeeperError('forbidden', `there is no AWS ${source} here`)),
};
