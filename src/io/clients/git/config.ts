import * as z from 'zod';

import { zSecretRef, zUrl } from '../../../lib/zod-parts.ts';

const path = /^[A-Za-z0-9_][A-Za-z0-9_.-]*(\/[A-Za-z0-9_][A-Za-z0-9_.-]*){1,5}$/;
const branch = /^[A-Za-z0-9_](?!.*(\.\.|\/\/|@\{))[A-Za-z0-9_./-]{0,199}$/;

/** A forge where reverts may be made, as people write it. */
export const gitForge = z.strictObject({
  provider: z.enum(['github', 'gitlab']),
  url: zUrl
    .exactOptional()
    .describe('Where its API answers; default https://api.github.com, or https://gitlab.com/api/v4.'),
  host: z
    .string()
    .regex(/^[A-Za-z0-9.-]+(:\d{1,5})?$/, 'expected a host such as github.com')
    .exactOptional()
    .describe("The host in people's addresses of it; default: of the API's address, github.com for api.github.com."),
  token: zSecretRef.describe('A token that may write contents and pull requests of the listed repositories.'),
  repositories: z
    .array(z.string().max(255).regex(path, 'expected owner/name'))
    .min(1)
    .max(200)
    .describe('The repositories that may be written to. No other is, whatever a runbook says.'),
  branches: z
    .array(z.string().regex(branch, 'expected the name of a branch'))
    .min(1)
    .max(20)
    .default(['main'])
    .describe('Branches where a revert may go; the first is meant when none is named.'),
  direct: z.boolean().default(false).describe('Whether reverts may be committed there without a pull request.'),
});

/** A forge as written, with defaults. */
export type GitForge = z.output<typeof gitForge>;
