import * as z from 'zod';

import { zSecretRef } from '../../../lib/zod-parts.ts';

/** How a cluster is reached, as people write it: the same keys for a reader and for a hand, each with its own values. */
export const kubernetesConnection = {
  kubeconfig: z
    .string()
    .min(1)
    .exactOptional()
    .describe('A kubeconfig file. Absent: as the pod that the daemon runs in.'),
  context: z.string().min(1).exactOptional().describe("Which context of it; default: the file's current one."),
  serviceAccount: z
    .strictObject({ namespace: z.string().min(1).max(63), name: z.string().min(1).max(253) })
    .exactOptional()
    .describe(
      'Act as this ServiceAccount: tokens for it that end after minutes are asked of the API server, with the credentials found there.',
    ),
  token: zSecretRef.exactOptional().describe('A bearer token to use instead of the credentials found there.'),
};
