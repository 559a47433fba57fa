import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { GcpOperators, GcpReaders } from '../../src/domain/ports/gcp.ts';

/** A world without Google Cloud: asking for a project is a mistake of the test. */
export const noGcp: GcpReaders & GcpOperators = {
  reader: ({ source }) => {
    throw new WatchkeeperError('unsupported', `there is no Google Cloud ${source} here`);
  },
  session: ({ source }) => {
    throw new WatchkeeperError('forbidden', `there is no Google Cloud ${source} here`);
  },
};
