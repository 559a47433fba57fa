import { kqlList, kqlTime } from '../kql.ts';

/** A stretch of time is read in so many parts, so that there are traces of before to compare with. */
const parts = 6;
/** Of each role this many traces of each part are read: evidence, not a store. */
const perPart = 10;
/** Rows that are taken of one answer. */
export const rowsPerAnswer = 10_000;
// What belongs to a trace may lie a little outside of the stretch that it was found in.
const marginMs = 300_000;

/** The tables of Application Insights that traces are read from. */
export const traceTables = ['AppRequests', 'AppDependencies', 'AppExceptions'] as const;

const columns = [
  ...['TimeGenerated', 'Type', 'OperationId', 'Id', 'ParentId', 'AppRoleName', 'AppVersion', 'Name', 'DurationMs'],
  ...['Success', 'ResultCode', 'Target', 'DependencyType', 'ExceptionType', 'OuterMessage', 'InnermostMessage'],
];

/** What is asked of a workspace, and over which time. */
export interface TraceQuery {
  readonly kql: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/**
 * The query for whole traces through some roles: of each role and each sixth of the stretch the newest, as many failed ones
 * among them as failed of all, and one at least where any did: only failed ones would make every hour look alike. With
 * everything that any role wrote of them. Neither URLs nor the text of SQL is read.
 */
export function tracesKql(roles: readonly string[], fromMs: number, untilMs: number): TraceQuery {
  const width = Math.max(1, Math.ceil((untilMs - fromMs) / parts / 1_000));
  const around = { fromMs: fromMs - marginMs, untilMs: untilMs + marginMs };
  const kql = [
    'let seen = materialize(union AppRequests, AppDependencies',
    `| where TimeGenerated >= ${kqlTime(fromMs)} and TimeGenerated < ${kqlTime(untilMs)}`,
    `| where AppRoleName in ${kqlList(roles)} and isnotempty(OperationId)`,
    '| extend IsBad = Success == false and not(ResultCode matches regex "^4[0-9][0-9]$")',
    '| summarize Failed = countif(IsBad) > 0, Begins = min(TimeGenerated) by AppRoleName, OperationId',
    `| extend Part = bin(Begins, ${width}s));`,
    `let shares = seen | summarize Wanted = toint(ceiling(${perPart}.0 * countif(Failed) / count())) by AppRoleName, Part;`,
    'let found = seen | join kind=inner shares on AppRoleName, Part',
    '| sort by AppRoleName asc, Part asc, Failed desc, Begins desc',
    '| extend IsNext = prev(AppRoleName) != AppRoleName or prev(Part) != Part or prev(Failed) != Failed',
    '| extend Place = row_number(1, IsNext)',
    `| where Place <= iff(Failed, Wanted, ${perPart} - Wanted)`,
    '| distinct OperationId;',
    `union ${traceTables.join(', ')}`,
    `| where TimeGenerated >= ${kqlTime(around.fromMs)} and TimeGenerated < ${kqlTime(around.untilMs)}`,
    '| where OperationId in (found)',
    `| project ${columns.join(', ')}`,
    '| order by OperationId asc, TimeGenerated asc',
    `| take ${rowsPerAnswer}`,
  ].join('\n');
  return { kql, ...around };
}
