import * as z from 'zod';

import { zSecretRef } from '../../../lib/zod-parts.ts';

/** `eu-west-1`, `us-gov-east-1`. */
export const awsRegion = z.string().regex(/^[a-z]{2}(-[a-z]+){1,2}-\d$/, 'must be a region such as eu-west-1');

const accountName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be a name of lower-case letters, digits and "-"');

const roleArn = z
  .string()
  .regex(
    /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/,
    'must be the ARN of a role: arn:aws:iam::123456789012:role/name',
  );

/** How AWS is reached, beside its accounts: the same keys for a reader and for a hand. */
export const awsConnection = {
  profile: z.string().min(1).max(100).exactOptional().describe('A profile of the shared AWS configuration files.'),
  endpoint: z
    .string()
    .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), 'must be an http(s) URL')
    .exactOptional()
    .describe("Instead of every service's own endpoint: a VPC endpoint, or a server that stands for AWS."),
};

/** Accounts that are read; without a role the chain's own credentials are used. */
export const readAccounts = z
  .array(
    z.strictObject({ name: accountName, roleArn: roleArn.exactOptional(), externalId: zSecretRef.exactOptional() }),
  )
  .min(1)
  .max(100)
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'two accounts have one name');

/** Accounts that are acted in: always through a role, of which narrower sessions are minted. */
export const actAccounts = z
  .array(z.strictObject({ name: accountName, roleArn, externalId: zSecretRef.exactOptional() }))
  .min(1)
  .max(100);
