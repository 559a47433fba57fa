import type { ReaderIo } from '../../src/domain/ports/io.ts';
import { nodeHttp, readFiles, systemClock, systemRandom } from '../../src/io/index.ts';
import { WatchkeeperError } from '../../src/lib/errors.ts';
import { noClusters } from './no-clusters.ts';
import { noHosts } from './no-hosts.ts';
import { recordingLog } from './quiet-log.ts';
import { noAws, noCloudHosts } from './no-aws.ts';
import { noAzure } from './no-azure.ts';
import { noGcp } from './no-gcp.ts';

/** A reader's io on the real clock and network, with the secrets of a test. */
export function realReader(secrets: Readonly<Record<string, string>>, log = recordingLog()): ReaderIo {
  return {
    clock: systemClock,
    random: systemRandom,
    http: nodeHttp(systemClock),
    files: readFiles,
    sockets: { connectUnix: () => Promise.reject(new WatchkeeperError('unsupported', 'no sockets here')) },
    aws: noAws,
    azure: noAzure,
    gcp: noGcp,
    cloudHosts: noCloudHosts,
    kubernetes: noClusters,
    ssh: noHosts,
    secrets: {
      resolve: ({ env = '' }) => {
        const value = secrets[env];
        return value === undefined
          ? Promise.reject(new WatchkeeperError('not-found', `there is no secret ${env}`))
          : Promise.resolve(value);
      },
    },
    log,
  };
}
