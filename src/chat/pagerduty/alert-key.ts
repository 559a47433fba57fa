import { WatchkeeperError } from '../../lib/errors.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import type { ReaderIo, SecretRef } from '../../domain/ports/io.ts';

/** PagerDuty's REST API, and a token that may read. */
export interface PagerDutyRest {
  readonly apiToken?: SecretRef;
  readonly apiUrl: string;
  readonly timeout: number;
}

/**
 * Under which key we triggered what PagerDuty calls this incident, by its REST API: the key of its first alert. `undefined`
 * without a token, and where PagerDuty does not say.
 */
export async function alertKeyOf(
  config: PagerDutyRest,
  io: ReaderIo,
  incidentId: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (config.apiToken === undefined || !/^[A-Z0-9]{1,40}$/i.test(incidentId)) return undefined;
  try {
    const token = await io.secrets.resolve(config.apiToken, signal);
    const response = await io.http.request({
      method: 'GET',
      url: `${config.apiUrl.replace(/\/$/, '')}/incidents/${incidentId}/alerts?limit=1`,
      headers: { authorization: `Token token=${token}`, accept: 'application/vnd.pagerduty+json;version=2' },
      timeoutMs: config.timeout,
      maxBytes: limits.chatAnswerBytes,
      signal,
    });
    if (response.status !== 200) throw new WatchkeeperError('unreachable', `PagerDuty answered ${response.status}`);
    const { alerts } = JSON.parse(new TextDecoder().decode(response.body)) as { readonly alerts?: readonly Json[] };
    const [first] = Array.isArray(alerts) ? (alerts as readonly JsonObject[]) : [];
    const key = first?.['alert_key'];
    return typeof key === 'string' && /^\S{1,255}$/.test(key) ? key : undefined;
  } catch (thrown) {
    io.log.warn('PagerDuty did not say which incident it told of', { error: WatchkeeperError.from(thrown) });
    return undefined;
  }
}
