import { limits } from '../lib/limits.ts';
import type { Finding } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import type { Collected } from '../domain/ports/source.ts';
import type { Gap, LogRecord, ResourceState, Series, Span } from '../domain/telemetry.ts';

/** What has come in since the last turn. */
export interface Intake {
  readonly series: readonly Series[];
  readonly logs: readonly LogRecord[];
  readonly spans: readonly Span[];
  readonly changes: readonly Change[];
  readonly resources: readonly ResourceState[];
  readonly findings: readonly Finding[];
  readonly gaps: readonly Gap[];
}

/** Where sources and webhooks put what they have, until the next turn takes it. Bounded: what does not fit becomes a gap. */
export interface Inbox {
  collected(source: string, collected: Collected, nowMs: number): void;
  changes(changes: readonly Change[]): void;
  findings(findings: readonly Finding[]): void;
  gaps(gaps: readonly Gap[]): void;
  drain(): Intake;
}

/** Makes an empty inbox. */
export function createInbox(): Inbox {
  let parts: Partial<Intake>[] = [];
  let waiting = 0;
  const push = (part: Partial<Intake>): void => {
    parts.push(part);
    waiting += (part.series?.length ?? 0) + (part.logs?.length ?? 0) + (part.spans?.length ?? 0);
  };
  return {
    collected: (source, collected, nowMs) => {
      const arrived = collected.series.length + collected.logs.length + (collected.spans?.length ?? 0);
      if (waiting + arrived > limits.seriesPerCollect + limits.logRecordsPerCollect + limits.spansPerCollect) {
        const gap: Gap = {
          source,
          reason: 'too-large',
          message: 'the watch is behind; this read was dropped',
          fromMs: nowMs,
          untilMs: nowMs,
        };
        // Changes and alerts are few and must not be lost.
        push({ changes: collected.changes, findings: collected.findings, gaps: [...collected.gaps, gap] });
      } else push(collected);
    },
    changes: (changes) => push({ changes }),
    findings: (findings) => push({ findings }),
    gaps: (gaps) => push({ gaps }),
    drain: () => {
      const taken = parts;
      parts = [];
      waiting = 0;
      const all = <K extends keyof Intake>(key: K): Intake[K] =>
        taken.flatMap((part) => [...(part[key] ?? [])]) as unknown as Intake[K];
      return {
        series: all('series'),
        logs: all('logs'),
        spans: all('spans'),
        changes: all('changes'),
        resources: all('resources'),
        findings: all('findings'),
        gaps: all('gaps'),
      };
    },
  };
}
