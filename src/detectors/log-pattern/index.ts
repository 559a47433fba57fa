/**
 * New or surging kinds of log lines. Lines become templates by masking what varies; a template at the wanted severity
 * that was never seen while the baseline was learned is new, one that comes far more often than it used to surges
 * (Poisson, against its own past). Memory is bounded per service; text from logs is cleaned, cut, and only ever data.
 */
import * as z from 'zod';

import { formatDuration } from '../../lib/duration.ts';
import type { Json } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import { globMatches } from '../../lib/glob.ts';
import { schemaOf } from '../../lib/schema.ts';
import type { Finding } from '../../domain/alert.ts';
import type {
  Detector,
  DetectorBatch,
  DetectorContext,
  DetectorKind,
  DetectorRule,
} from '../../domain/ports/detector.ts';
import type { LogRecord, LogSeverity } from '../../domain/telemetry.ts';
import { durationMs } from '../params.ts';
import { savedState, toSave } from '../saved.ts';
import { changePhrase, cleanText } from '../words.ts';
import { tokensOf } from './mask.ts';
import { advance, bucketsKept, poissonTailLog10, templateFor, type Template } from './templates.ts';

const severities: readonly LogSeverity[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

const params = z.strictObject({
  severity: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('error').describe('at least'),
  patterns: z
    .array(z.string().min(1))
    .max(50)
    .default([])
    .describe('only lines with one of these (globs over the line)'),
  ignore: z.array(z.string().min(1)).max(50).default([]).describe('never lines with one of these'),
  learn: durationMs.prefault('30m').describe('how long a service is listened to before anything counts as new'),
  bucket: durationMs.prefault('1m'),
  minCount: z.number().int().min(1).max(100_000).default(3).describe('so many lines in ten buckets'),
  newFor: durationMs.prefault('1h').describe('after this a new template is known'),
  surge: z.boolean().default(true),
  quiet: durationMs
    .prefault('30m')
    .describe(
      'a service that logs nothing at all for so long, while its logs can be read, has stopped logging this too',
    ),
});

type Params = z.infer<typeof params>;

/** One service's lines. */
interface Listened {
  service: string;
  source: string;
  sinceMs: number;
  lastMs: number;
  templates: Template[];
  /** Since when its logs could be read without a break, and when that was last so. */
  readFromMs?: number;
  readUntilMs?: number;
}

/** Two looks at the logs that lie further apart have a stretch between them that nobody looked at. */
const longestStepMs = 2 * 60_000;

/** The surge must be this unlikely: one in a hundred million buckets. */
const unlikely = -8;

/** Kind `log-pattern`: a template of log lines that is new, or that surges. */
export const logPattern: DetectorKind<Params> = {
  kind: 'log-pattern',
  summary: 'A kind of log line that is new, or comes far more often than usual',
  params: schemaOf(params),
  stateBytesPerSeries: limits.detectorLogTemplates * 1_200,
  warmupMs: (settings) => settings.learn,
  create: (rule, settings, saved) => listen(rule, settings, saved),
};

function listen(rule: DetectorRule, settings: Params, saved: Json | undefined): Detector {
  const before = savedState(saved) as { readonly services: readonly Listened[] } | undefined;
  const services = new Map((before?.services ?? []).map((one) => [one.service, one]));
  // After a start the clock may have been set back while nobody watched.
  let lastStepMs = Infinity;
  return {
    step(batch, context) {
      if (batch.asOfMs < lastStepMs) for (const one of services.values()) setBack(one, settings, batch.asOfMs);
      lastStepMs = batch.asOfMs;
      const refused = new Set<string>();
      for (const record of batch.logs) {
        const known = services.get(record.service) ?? begin(services, record, batch.asOfMs);
        if (known === undefined) refused.add(record.service);
        else take(known, record, settings, batch.asOfMs);
      }
      const findings = [...services.values()].flatMap((one) => judge(rule, settings, one, batch, context));
      for (const service of refused) findings.push(overLimit(rule, service, batch.asOfMs));
      return findings;
    },
    save: () => toSave({ services: [...services.values()] }),
  };
}

function begin(services: Map<string, Listened>, record: LogRecord, asOfMs: number): Listened | undefined {
  if (services.size >= limits.detectorLogServices) return undefined;
  const { service, source } = record;
  const made: Listened = { service, source, sinceMs: Math.min(record.tMs, asOfMs), lastMs: 0, templates: [] };
  services.set(service, made);
  return made;
}

// Times that have not come, of a clock that was wrong: no line would be counted, and all would be new, until they come.
function setBack(listened: Listened, settings: Params, asOfMs: number): void {
  listened.sinceMs = Math.min(listened.sinceMs, asOfMs);
  listened.lastMs = Math.min(listened.lastMs, asOfMs);
  for (const template of listened.templates) {
    template.firstMs = Math.min(template.firstMs, asOfMs);
    template.lastMs = Math.min(template.lastMs, asOfMs);
    template.bucket = Math.min(template.bucket, Math.floor(asOfMs / settings.bucket));
  }
}

function take(listened: Listened, record: LogRecord, settings: Params, asOfMs: number): void {
  const tMs = Math.min(record.tMs, asOfMs);
  listened.lastMs = Math.max(listened.lastMs, tMs);
  if (severities.indexOf(record.severity) < severities.indexOf(settings.severity)) return;
  const line = cleanText(record.body.split('\n', 1)[0] ?? '', 1_000);
  const has = (pattern: string): boolean => globMatches(`*${pattern}*`, line);
  if (settings.ignore.some(has) || (settings.patterns.length > 0 && !settings.patterns.some(has))) return;
  const template = templateFor(listened.templates, tokensOf(record.body), tMs);
  const learning = tMs - listened.sinceMs < settings.learn;
  if (learning || tMs - template.firstMs >= settings.newFor) template.known = true;
  const bucket = Math.floor(tMs / settings.bucket);
  advance(template, bucket);
  const at = template.recent.length - 1 - (template.bucket - bucket);
  if (at >= 0) template.recent[at] = (template.recent[at] ?? 0) + 1;
  template.total++;
  template.lastMs = Math.max(template.lastMs, tMs);
}

function judge(
  rule: DetectorRule,
  settings: Params,
  listened: Listened,
  batch: DetectorBatch,
  context: DetectorContext,
): readonly Finding[] {
  const unread = unreadable(listened, batch, context);
  const silentMs = listenOn(listened, settings, batch.asOfMs, unread === undefined);
  const findings: Finding[] = [];
  for (const template of listened.templates) {
    advance(template, Math.floor(batch.asOfMs / settings.bucket));
    const count = template.recent.reduce((sum, one) => sum + one, 0);
    const finding = findingOf(rule, listened, template, batch.asOfMs);
    const watched = context.isWatched(finding);
    // No line of any kind: the service may be silent because it is dead, and that is not recovery. Long after, and with
    // its logs readable all the while, it is a service that logs nothing when it is well.
    const mute = batch.asOfMs - listened.lastMs > bucketsKept * settings.bucket;
    const silent = `nothing was logged for ${formatDuration(batch.asOfMs - listened.lastMs)}`;
    const over = mute && unread === undefined && silentMs >= settings.quiet;
    const why = unread ?? (mute && !over ? silent : undefined);
    const verdict = verdictOn(template, count, listened, settings, batch.asOfMs);
    if (watched && why !== undefined && count === 0)
      findings.push({ ...finding, state: 'unknown', confidence: 0, reason: `logs of ${listened.service}: ${why}` });
    else if (verdict.bad) {
      const phrase = changePhrase(context.changesOf(listened.service), template.firstMs);
      findings.push({ ...finding, ...verdict.said, state: 'bad', reason: `${verdict.said.reason}${phrase}` });
    } else if (watched)
      findings.push(
        over ? { ...finding, reason: `${listened.service}: ${silent}, though its logs can be read` } : finding,
      );
  }
  return findings;
}

// Sources name a gap of logs by the signal `logs`; one without a signal is a gap of everything.
function unreadable(listened: Listened, batch: DetectorBatch, context: DetectorContext): string | undefined {
  const { service, source } = listened;
  if (!context.isRead(source)) return `${source} is not read`;
  return batch.gaps.find(
    (one) =>
      one.source === source &&
      (one.service ?? service) === service &&
      (one.signal === undefined || one.signal === 'logs'),
  )?.message;
}

// For how long its logs were readable and empty. What was not looked at, by a gap or while nobody watched, does not count.
function listenOn(listened: Listened, settings: Params, asOfMs: number, readable: boolean): number {
  const unseenMs = asOfMs - (listened.readUntilMs ?? -Infinity);
  const unbroken = readable && unseenMs >= 0 && unseenMs <= Math.max(longestStepMs, settings.bucket);
  if (!unbroken || listened.readFromMs === undefined) listened.readFromMs = asOfMs;
  if (readable) listened.readUntilMs = asOfMs;
  return asOfMs - Math.max(listened.readFromMs, listened.lastMs);
}

interface LineVerdict {
  readonly bad: boolean;
  readonly said: Pick<Finding, 'reason' | 'numbers' | 'confidence' | 'sinceMs'>;
}

function verdictOn(
  template: Template,
  count: number,
  listened: Listened,
  settings: Params,
  asOfMs: number,
): LineVerdict {
  const spanMs = bucketsKept * settings.bucket;
  const usual = template.usual * bucketsKept;
  const numbers = { count, usual, total: template.total };
  const text = JSON.stringify(textOf(template));
  const fresh = !template.known && asOfMs - template.firstMs < settings.newFor;
  if (fresh && count >= settings.minCount) {
    const listenedFor = formatDuration(template.firstMs - listened.sinceMs);
    const reason = `${listened.service} logs something new, ${count} times in ${formatDuration(spanMs)}: ${text} was never seen in ${listenedFor} before`;
    return {
      bad: true,
      said: { reason, numbers, confidence: Math.min(0.9, 0.6 + 0.02 * count), sinceMs: template.firstMs },
    };
  }
  const chance = poissonTailLog10(count, Math.max(usual, 0.5));
  const surging = settings.surge && template.known && template.taught >= 30 && chance < unlikely;
  const reason = `${listened.service} logs ${text} ${count} times in ${formatDuration(spanMs)}, usually ${usual.toFixed(1)} times`;
  const confidence = Math.min(0.9, 0.6 + 0.01 * -chance);
  const bad = surging && count >= Math.max(settings.minCount, 3 * usual);
  return { bad, said: { reason, numbers, confidence, sinceMs: asOfMs - spanMs } };
}

function textOf(template: Template): string {
  return cleanText(template.tokens.join(' '), 160);
}

function findingOf(rule: DetectorRule, listened: Listened, template: Template, asOfMs: number): Finding {
  const text = textOf(template);
  return {
    detector: rule.name,
    kind: rule.kind,
    service: listened.service,
    signal: rule.on,
    labels: { template: template.id },
    state: 'good',
    atMs: asOfMs,
    sinceMs: template.lastMs,
    severity: rule.severity,
    reason: `${listened.service} logs ${JSON.stringify(text)} no more than usual`,
    numbers: { total: template.total },
    confidence: 0.5,
  };
}

function overLimit(rule: DetectorRule, service: string, asOfMs: number): Finding {
  return {
    detector: rule.name,
    kind: rule.kind,
    service,
    signal: rule.on,
    labels: { limit: 'services' },
    state: 'unknown',
    atMs: asOfMs,
    sinceMs: asOfMs,
    severity: rule.severity,
    reason: `the logs of ${service} are not watched by ${rule.name}: it already listens to ${limits.detectorLogServices} services, its limit`,
    numbers: { limit: limits.detectorLogServices },
    confidence: 0,
  };
}
