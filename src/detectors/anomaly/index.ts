/**
 * What is strange in a series, judged by its own past and nothing else: no threshold, no model per series, no choice
 * but how many false alarms one will bear. Every sample is looked at in five ways (against its hour, its level, the
 * last hours, the last minutes, and how much it varies); each way has its own record highs and lows, and what lies
 * beyond them counts by how far. Three histograms add what never lay between: a value where there were none. The sum
 * becomes a chance by the series' own earlier onsets. One alert an onset; what follows is its echo.
 *
 * State is a row of typed arrays, some 380 bytes; a sample costs the same whatever came before.
 */
import * as z from 'zod';

import { limits } from '../../lib/limits.ts';
import { schemaOf } from '../../lib/schema.ts';
import type { DetectorKind } from '../../domain/ports/detector.ts';
import { where } from '../params.ts';
import { anomalyBank } from './detector.ts';

const periodMs = { hour: 3_600_000, day: 86_400_000, week: 604_800_000, month: 2_629_800_000, year: 31_557_600_000 };

const rate = z
  .string()
  .regex(/^[1-9]\d{0,3}\/(hour|day|week|month|year)$/, 'must be a number per hour, day, week, month or year: 1/week')
  .describe('how many false alarms one series may raise at most: 2/week, 1/month, 1/year');

const params = z.strictObject({
  falseAlarms: rate.default('2/week'),
  worse: z
    .enum(['up', 'down', 'both'])
    .exactOptional()
    .describe('which way is bad; default: by the nature of the signal'),
  where,
});

type Params = z.infer<typeof params>;

/** Kind `anomaly`: a series does what it never did. */
export const anomaly: DetectorKind<Params> = {
  kind: 'anomaly',
  summary: 'A series does what it never did, so rarely by chance as was asked for',
  params: schemaOf(params),
  stateBytesPerSeries: 900,
  warmupMs: () => 14 * 86_400_000,
  create: (rule, settings, saved) =>
    anomalyBank(
      rule,
      {
        falseAlarmEveryMs: everyMs(settings.falseAlarms),
        worse: settings.worse,
        where: settings.where,
        maxSeries: limits.detectorBankSeries,
      },
      saved,
    ),
};

function everyMs(text: string): number {
  const [count = '1', period = 'week'] = text.split('/');
  return periodMs[period as keyof typeof periodMs] / Number(count);
}
