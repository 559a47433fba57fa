import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { AzureOperators, AzureReaders } from '../../src/domain/ports/azure.ts';

/** A world without Azure: asking for a subscription is a mistake of the test. */
export const noAzure: AzureReaders & AzureOperators = {
  reader: ({ source }) => {
    throw new WatchkeeperError('unsupported', `there is no Azure ${source} here`);
  },
  session: ({ source }) => Promise.reject(new WatchkeeperError('forbidden', `there is no Azure ${source} here`)),
};
