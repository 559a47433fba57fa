import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { BenchAnswer, BenchCloud, BenchRequest } from './cloud.ts';

const signals = ['cpu', 'memory', 'connections', 'requests', 'errors'] as const;
const json = (body: object, status = 200): BenchAnswer => ({
  ...{ status, contentType: 'application/json' },
  body: JSON.stringify(body),
});

/** Google Cloud: five metrics of Cloud Monitoring a service, answered as timeSeries.list does; workload identity federation. */
export const gcp: BenchCloud = {
  kind: 'gcp',
  env: (url) => ({ GOOGLE_APPLICATION_CREDENTIALS: credentials(url) }),
  config: (url) => ({
    ...{ kind: 'gcp', id: 'gcp', projects: [{ id: 'bench-project' }], locations: ['europe-west1'], endpoint: url },
    dollarsPerDay: 100_000,
  }),
  perService: signals.length,
  service: (index) => ({
    ...{ name: `service-${index}`, labels: {}, owner: { team: 'x', escalate: 'default' }, dependsOn: [], slos: [] },
    origin: 'declared',
    // No place: what it costs to read metrics is measured, without the looks at the resource itself.
    runsOn: [],
    telemetry: Object.fromEntries(
      signals.map((name) => [
        name,
        {
          ...{ source: 'gcp', unit: '1', nature: 'gauge' },
          query: {
            project: 'bench-project',
            metric: {
              ...{ type: `custom.googleapis.com/shop/${name}`, resourceType: 'generic_task' },
              resource: { job: `service-${index}` },
            },
          },
        },
      ]),
    ),
  }),
  answer: ({ path: asked, method }: BenchRequest) => {
    const url = new URL(asked, 'http://bench');
    if (url.pathname.endsWith('/token'))
      return json({
        ...{ access_token: 'bench', token_type: 'Bearer', expires_in: 3_600 },
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      });
    if (url.pathname.endsWith('/timeSeries')) return json(timeSeries(url.searchParams));
    if (url.pathname.endsWith('/alerts')) return json({ alerts: [] });
    if (url.pathname.endsWith('/services')) return json({ services: [] });
    if (url.pathname.endsWith('/aggregated/instanceGroupManagers')) return json({ items: {} });
    if (url.pathname.endsWith('/entries:list')) return json({ entries: [] });
    const message = `no ${method} ${url.pathname} here`;
    return json({ error: { code: 404, status: 'NOT_FOUND', message } }, 404);
  },
};

// A point a minute for each resource that the filter names.
function timeSeries(asked: URLSearchParams): object {
  const filter = asked.get('filter') ?? '';
  const jobs = [...filter.matchAll(/"(service-\d+)"/g)].map(([, job = '']) => job);
  const type = /metric\.type="([^"]+)"/.exec(filter)?.[1] ?? '';
  const untilMs = Date.parse(asked.get('interval.endTime') ?? '');
  const fromMs = Date.parse(asked.get('interval.startTime') ?? '');
  const ends: number[] = [];
  for (let at = untilMs; at > fromMs; at -= 60_000) ends.push(at);
  return {
    timeSeries: jobs.map((job, index) => ({
      ...{ metric: { type }, resource: { type: 'generic_task', labels: { job } } },
      ...{ metricKind: 'GAUGE', valueType: 'DOUBLE' },
      points: ends.map((at) => ({
        interval: { startTime: new Date(at).toISOString(), endTime: new Date(at).toISOString() },
        value: { doubleValue: ((at / 60_000) % 97) * (index + 1) },
      })),
    })),
    unit: '1',
  };
}

// A file of workload identity federation whose token service is the server of the bench.
function credentials(url: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'watchkeeper-bench-gcp-'));
  const [file, subject] = [path.join(folder, 'credentials.json'), path.join(folder, 'subject')];
  writeFileSync(subject, 'subject');
  writeFileSync(
    file,
    JSON.stringify({
      type: 'external_account',
      audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/p',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `${url}/v1/token`,
      credential_source: { file: subject },
    }),
  );
  return file;
}
