import type { BenchAnswer, BenchCloud, BenchRequest } from './cloud.ts';

const signals = ['cpu', 'memory', 'connections', 'requests', 'errors'] as const;
const json = (body: object): BenchAnswer => ({
  contentType: 'application/x-amz-json-1.0',
  body: JSON.stringify(body),
});

interface MetricDataQuery {
  readonly Id: string;
  readonly ReturnData?: boolean;
}

/** AWS: five metrics of CloudWatch a service, answered in the JSON protocol that the SDK speaks. */
export const aws: BenchCloud = {
  kind: 'aws',
  env: () => ({ AWS_ACCESS_KEY_ID: 'bench', AWS_SECRET_ACCESS_KEY: 'bench', AWS_EC2_METADATA_DISABLED: 'true' }),
  config: (url) => ({ kind: 'aws', id: 'aws', regions: ['eu-west-1'], endpoint: url, dollarsPerDay: 100_000 }),
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
          ...{ source: 'aws', unit: '1', nature: 'gauge' },
          query: {
            metric: {
              ...{ namespace: 'AWS/Shop', name, stat: 'Average' },
              dimensions: { Service: `service-${index}`, Cluster: 'shop' },
            },
          },
        },
      ]),
    ),
  }),
  answer: ({ headers, body }: BenchRequest) => {
    const target = String(headers['x-amz-target'] ?? '')
      .split('.')
      .at(-1);
    if (target === 'GetMetricData') return metricData(body);
    if (target === 'DescribeAlarms') return json({ MetricAlarms: [], CompositeAlarms: [] });
    if (target === 'LookupEvents') return json({ Events: [] });
    if (target === 'GetResources') return json({ ResourceTagMappingList: [] });
    return { status: 400, ...json({ __type: 'UnknownOperationException', message: `no ${target ?? ''} here` }) };
  },
};

// A datapoint a minute: what a sweep of five minutes finds.
function metricData(body: string): BenchAnswer {
  const { MetricDataQueries, StartTime, EndTime } = JSON.parse(body) as {
    readonly MetricDataQueries: readonly MetricDataQuery[];
    readonly StartTime: number;
    readonly EndTime: number;
  };
  const Timestamps: number[] = [];
  for (let at = StartTime; at < EndTime; at += 60) Timestamps.push(at);
  return json({
    Messages: [],
    MetricDataResults: MetricDataQueries.filter(({ ReturnData }) => ReturnData !== false).map(({ Id }, index) => ({
      ...{ Id, Label: Id, StatusCode: 'Complete', Timestamps },
      Values: Timestamps.map((at) => Math.round((at % 97) * (index + 1) * 1_000) / 997),
    })),
  });
}
