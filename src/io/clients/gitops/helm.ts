import { gunzipSync, gzipSync } from 'node:zlib';

import { digest } from '../../../lib/canonical.ts';
import { numberAt, objectAt, textAt, timeAt } from '../../../lib/dig.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json, JsonObject } from '../../../lib/json.ts';
import { limits } from '../../../lib/limits.ts';
import type { KubernetesObject } from '../../../domain/ports/kubernetes.ts';

/** The type of Secret that Helm 3 and 4 keep one revision of a release in. */
export const helmSecretType = 'helm.sh/release.v1';
/** One revision of a release: what may be shown. Values and manifest hold secrets and are not in it, only their hash. */
export interface HelmRevision {
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  /** deployed, superseded, failed, pending-upgrade, pending-rollback, uninstalling ... */
  readonly status: string;
  readonly chart: string;
  readonly chartVersion: string;
  readonly appVersion?: string;
  readonly deployedAtMs?: number;
  /** In Helm's words: `Upgrade complete`, `Rollback to 3`. */
  readonly description: string;
  readonly values: string;
}

/** The name of the Secret that a revision is kept in. */
export function helmSecretName(release: string, revision: number): string {
  return `sh.helm.release.v1.${release}.v${revision}`;
}

/**
 * The whole record: JSON, gzip, base64, and base64 again as a Secret has it.
 *
 * @throws WatchkeeperError `malformed`; `too-large` above `limits.helmReleaseBytes`.
 */
export function decodeRelease(secret: KubernetesObject): JsonObject {
  const { name } = secret.metadata;
  const data = textAt(secret, 'data', 'release');
  if (data === undefined) throw new WatchkeeperError('malformed', `${name}: it holds no Helm release`);
  let text: string;
  try {
    const packed = Buffer.from(Buffer.from(data, 'base64').toString('latin1'), 'base64');
    text = gunzipSync(packed, { maxOutputLength: limits.helmReleaseBytes }).toString('utf8');
  } catch (thrown) {
    const isTooLarge =
      thrown instanceof RangeError || (thrown as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    const code = isTooLarge ? 'too-large' : 'malformed';
    throw new WatchkeeperError(code, `${name}: not a Helm release that can be read`, { cause: thrown });
  }
  const release = parsed(text, name);
  if (textAt(release, 'name') === undefined || numberAt(release, 'version') === undefined)
    throw new WatchkeeperError('malformed', `${name}: a Helm release without name or version`);
  return release;
}

function parsed(text: string, name: string): JsonObject {
  try {
    const release = JSON.parse(text) as Json;
    if (typeof release === 'object' && release !== null && !Array.isArray(release)) return release as JsonObject;
  } catch (thrown) {
    throw new WatchkeeperError('malformed', `${name}: a Helm release that is not JSON`, { cause: thrown });
  }
  throw new WatchkeeperError('malformed', `${name}: a Helm release that is not an object`);
}

/** What `data.release` of the Secret holds for a record. */
export function encodeRelease(release: JsonObject): string {
  const packed = gzipSync(Buffer.from(JSON.stringify(release)), { level: 9 }).toString('base64');
  return Buffer.from(packed, 'latin1').toString('base64');
}

/** What of a record may be shown. */
export function helmRevision(release: JsonObject): HelmRevision {
  const chart = objectAt(release, 'chart', 'metadata');
  const appVersion = textAt(chart, 'appVersion');
  const deployedAtMs = timeAt(release, 'info', 'last_deployed');
  return {
    namespace: textAt(release, 'namespace') ?? '',
    name: textAt(release, 'name') ?? '',
    revision: numberAt(release, 'version') ?? 0,
    status: textAt(release, 'info', 'status') ?? 'unknown',
    chart: textAt(chart, 'name') ?? '',
    chartVersion: textAt(chart, 'version') ?? '',
    description: textAt(release, 'info', 'description') ?? '',
    values: digest(objectAt(release, 'config') ?? {}),
    ...(appVersion === undefined ? {} : { appVersion }),
    ...(deployedAtMs === undefined ? {} : { deployedAtMs }),
  };
}
