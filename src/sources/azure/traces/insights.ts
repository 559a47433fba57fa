import { azureResourceName } from '../../../domain/places.ts';
import type { AzureReader } from '../../../domain/ports/azure.ts';
import type { CollectRequest } from '../../../domain/ports/source.ts';
import type { Service } from '../../../domain/service.ts';
import type { Gap, Span } from '../../../domain/telemetry.ts';
import { faultOfError } from '../../../io/clients/http-reader.ts';
import { boundTo } from '../../../io/clients/record-store.ts';
import { limits } from '../../../lib/limits.ts';
import type { Json } from '../../../lib/json.ts';
import { typedTraces, type AzureConfig } from '../schema.ts';
import { askWorkspace, type Row } from '../tables.ts';
import { watchedPlaces, workspaceHome } from '../watched.ts';
import { rowsPerAnswer, tracesKql } from './query.ts';
import { spansOfRows, type RoleNames } from './spans.ts';

/** What was read of traces. */
export interface ReadTraces {
  readonly spans: readonly Span[];
  readonly gaps: readonly Gap[];
}

interface Wanted {
  readonly service: string;
  readonly workspace: string;
  readonly role: string;
  readonly home: { readonly subscription?: string };
}

// Roles that one query looks for: what a diagnosis looks at is one query of each workspace.
const rolesPerQuery = 25;

/**
 * Traces of a stretch, whole, as evidence. They are never read live: the workspace keeps them for asking. One query of
 * each workspace gives the traces of all services that are asked for there.
 */
export async function readTraces(
  id: string,
  config: AzureConfig,
  reader: AzureReader,
  request: CollectRequest,
  signal: AbortSignal,
): Promise<ReadTraces> {
  const gaps: Gap[] = [];
  const stretch = { fromMs: request.fromMs, untilMs: request.untilMs };
  const wanted = boundTo(id, 'bound', request.services, 'traces').flatMap(({ service, query }): readonly Wanted[] => {
    const parsed = typedTraces.parse(query as Json);
    if (parsed.ok) {
      const { workspace, role = roleOf(id, request.services, service), subscription: said } = parsed.value;
      const home = workspaceHome(id, config, request.services, { service, said });
      return [{ service, workspace: workspace.toLowerCase(), role, home }];
    }
    const message = 'the traces binding is not readable';
    gaps.push({ source: id, service, signal: 'traces', reason: 'malformed', message, ...stretch });
    return [];
  });
  const names: RoleNames = new Map(wanted.map(({ role, service }) => [role, service]));
  const read = await Promise.all(
    questions(wanted).map(async (some): Promise<ReadTraces> => {
      const [{ workspace, home: subscription } = { workspace: '', home: {} }] = some;
      const roles = [...new Set(some.map(({ role }) => role))];
      const lacks = (fault: Pick<Gap, 'reason' | 'message'>): readonly Gap[] =>
        some.map(({ service }) => ({ source: id, service, signal: 'traces', ...fault, ...stretch }));
      try {
        const asked = { subscription, workspace, ...tracesKql(roles, request.fromMs, request.untilMs) };
        const { rows, partial } = await askWorkspace(reader, asked, signal);
        const { whole, cut } = wholeTraces(rows);
        const message = [partial, cut].filter((one) => one !== undefined).join('; ');
        return {
          spans: spansOfRows(whole, names),
          gaps: message === '' ? [] : lacks({ reason: 'partial', message }),
        };
      } catch (thrown) {
        return { spans: [], gaps: lacks(faultOfError(thrown)) };
      }
    }),
  );
  return {
    spans: read.flatMap(({ spans }) => [...spans]).slice(0, limits.spansPerCollect),
    gaps: [...gaps, ...read.flatMap((one) => [...one.gaps])],
  };
}

function questions(wanted: readonly Wanted[]): readonly (readonly Wanted[])[] {
  const byWorkspace = new Map<string, Wanted[]>();
  for (const one of wanted) {
    const key = `${one.workspace} ${one.home.subscription ?? ''}`;
    const known = byWorkspace.get(key) ?? [];
    byWorkspace.set(key, known);
    known.push(one);
  }
  return [...byWorkspace.values()].flatMap((all) =>
    Array.from({ length: Math.ceil(all.length / rolesPerQuery) }, (_, at) =>
      all.slice(at * rolesPerQuery, (at + 1) * rolesPerQuery),
    ),
  );
}

// Container Apps and App Service name the role after the resource where nothing else does.
function roleOf(id: string, services: readonly Service[], service: string): string {
  const own = watchedPlaces(
    id,
    services.filter(({ name }) => name === service),
  );
  const [only] = own;
  return only !== undefined && own.length === 1
    ? (azureResourceName(only.place.resource).split('/').at(-1) ?? service)
    : service;
}

// Rows come trace after trace. A full answer ends somewhere in one, and half a trace blames the wrong service.
function wholeTraces(rows: readonly Row[]): { readonly whole: readonly Row[]; readonly cut?: string } {
  if (rows.length < rowsPerAnswer) return { whole: rows };
  const last = rows.at(-1)?.('OperationId');
  const whole = rows.filter((row) => row('OperationId') !== last);
  const traces = new Set(whole.map((row) => row('OperationId'))).size;
  return { whole, cut: `more than ${rowsPerAnswer} rows belong to these traces: ${traces} of them were read whole` };
}
