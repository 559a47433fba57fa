import * as z from 'zod';

const url = z
  .string()
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), 'must be an http(s) URL');

/** `europe-west1`, and of zonal things `europe-west1-b`. */
export const gcpRegion = z.string().regex(/^[a-z]+-[a-z]+\d{1,2}$/, 'must be a region such as europe-west1');

/** A project's id. */
export const projectId = z
  .string()
  .regex(/^[a-z]([a-z0-9-]{4,28}[a-z0-9])$/, "must be a project's id: 6 to 30 lower-case letters, digits and '-'");

/** A service account, by its address. */
export const serviceAccount = z
  .string()
  .regex(/^[a-z0-9-]{1,63}@[a-z0-9.-]{1,200}$/, 'must be the e-mail address of a service account');

/** How Google Cloud is reached, beside its projects: the same keys for a reader and for a hand. */
export const gcpConnection = {
  endpoint: url
    .exactOptional()
    .describe("Instead of every service's own endpoint: a server that stands for Google Cloud."),
  endpoints: z
    .strictObject({
      compute: url.exactOptional(),
      deploy: url.exactOptional(),
      iamcredentials: url.exactOptional(),
      logging: url.exactOptional(),
      monitoring: url.exactOptional(),
      resourcemanager: url.exactOptional(),
      run: url.exactOptional(),
      sql: url.exactOptional(),
      trace: url.exactOptional(),
    })
    .exactOptional()
    .describe("Instead of one service's own: an endpoint of Private Service Connect."),
};

/** Projects that are read; without a service account the application default credentials' own rights are used. */
export const readProjects = z
  .array(z.strictObject({ id: projectId, serviceAccount: serviceAccount.exactOptional() }))
  .min(1)
  .max(100)
  .refine((all) => new Set(all.map(({ id }) => id)).size === all.length, 'a project is named twice');

/** Projects that are acted in: always through a service account, of which short tokens are made. */
export const actProjects = z
  .array(z.strictObject({ id: projectId, serviceAccount }))
  .min(1)
  .max(100);
