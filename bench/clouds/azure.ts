import type { BenchAnswer, BenchCloud, BenchRequest } from './cloud.ts';

const signals = ['UsageNanoCores', 'WorkingSetBytes', 'Requests', 'RestartCount', 'Replicas'] as const;
const id = '00000000-0000-0000-0000-000000000001';
const tenantId = '00000000-0000-0000-0000-000000000002';
const clientId = '00000000-0000-0000-0000-000000000003';
const json = (body: object, status = 200): BenchAnswer => ({
  ...{ status, contentType: 'application/json' },
  body: JSON.stringify(body),
});

/** Azure: five metrics of Azure Monitor a Container App, fifty apps a call, over TLS, with an app registration's secret. */
export const azure: BenchCloud = {
  kind: 'azure',
  isTls: true,
  env: () => ({ BENCH_AZURE_SECRET: 'bench' }),
  config: (url) => ({
    ...{ kind: 'azure', id: 'azure', subscriptions: [{ name: 'prod', id }], dollarsPerDay: 100_000 },
    endpoints: { management: url, metrics: url, logs: url, authority: url },
    identity: { clientId, tenantId, secret: { env: 'BENCH_AZURE_SECRET' } },
  }),
  perService: signals.length,
  service: (index) => ({
    ...{ name: `service-${index}`, labels: {}, owner: { team: 'x', escalate: 'default' }, dependsOn: [], slos: [] },
    origin: 'declared',
    // No place: what it costs to read metrics is measured, without the looks at the resource itself.
    runsOn: [],
    telemetry: Object.fromEntries(
      signals.map((name) => [
        name.toLowerCase(),
        {
          ...{ source: 'azure', unit: '1', nature: 'gauge' },
          query: {
            region: 'westeurope',
            resource: `/resourceGroups/shop/providers/Microsoft.App/containerApps/service-${index}`,
            metric: { name, aggregation: 'Average' },
          },
        },
      ]),
    ),
  }),
  answer: ({ path: asked, method, body, headers }: BenchRequest) => {
    const url = new URL(asked, 'https://bench');
    const base = `https://${String(headers['host'])}/${tenantId}`;
    if (url.pathname.endsWith('/.well-known/openid-configuration'))
      return json({
        ...{ issuer: `${base}/v2.0`, authorization_endpoint: `${base}/oauth2/v2.0/authorize` },
        ...{ token_endpoint: `${base}/oauth2/v2.0/token`, jwks_uri: `${base}/discovery/v2.0/keys` },
      });
    if (url.pathname.endsWith('/oauth2/v2.0/token'))
      return json({ token_type: 'Bearer', expires_in: 3_600, ext_expires_in: 3_600, access_token: 'bench' });
    if (url.pathname.endsWith('/metrics:getBatch')) return json(batch(url.searchParams, body));
    if (url.pathname.endsWith('/resources')) return json({ totalRecords: 0, count: 0, data: [] });
    if (url.pathname.endsWith('/values') || url.pathname.endsWith('/alerts')) return json({ value: [] });
    if (/^\/subscriptions\/[^/]+$/.test(url.pathname)) return json({ id: url.pathname, state: 'Enabled' });
    return json({ error: { code: 'NotFound', message: `no ${method} ${url.pathname} here` } }, 404);
  },
};

// A point a minute of every metric of every resource that is named.
function batch(asked: URLSearchParams, body: string): object {
  const { resourceids } = JSON.parse(body) as { readonly resourceids: readonly string[] };
  const names = (asked.get('metricnames') ?? '').split(',');
  const [fromMs, untilMs] = ['starttime', 'endtime'].map((name) => Date.parse(asked.get(name) ?? ''));
  const times: number[] = [];
  for (let at = Math.ceil((fromMs ?? 0) / 60_000) * 60_000; at < (untilMs ?? 0); at += 60_000) times.push(at);
  return {
    values: resourceids.map((resourceid) => ({
      ...{ resourceid, namespace: 'Microsoft.App/containerApps', resourceregion: 'westeurope', interval: 'PT1M' },
      value: names.map((name, index) => ({
        ...{ id: `${resourceid}/providers/Microsoft.Insights/metrics/${name}`, type: 'Microsoft.Insights/metrics' },
        ...{ name: { value: name, localizedValue: name }, unit: 'Count', errorCode: 'Success' },
        timeseries: [
          {
            metadatavalues: [],
            data: times.map((at) => ({
              timeStamp: new Date(at).toISOString(),
              average: ((at / 60_000) % 97) * (index + 1),
            })),
          },
        ],
      })),
    })),
  };
}
