import type { Change, ChangeKind } from '../../../domain/change.ts';
import { azureResourceName } from '../../../domain/places.ts';
import type { Found, Seen } from '../../../io/clients/cloud/change-desk.ts';
import { digest } from '../../../lib/canonical.ts';
import type { Look } from '../look/states.ts';
import type { AzureConfig } from '../schema.ts';
import { idOf, type Watched } from '../watched.ts';
import type { AuditEvent } from './activity.ts';
import { movesOf, type Memory } from './moves.ts';

/** What was seen in one look. */
export interface Looks {
  readonly watched: readonly Watched[];
  readonly look: Look;
  /** Of Resource Graph: who, and from what to what. */
  readonly graph: readonly AuditEvent[];
  /** Of the activity log: who, and which call. */
  readonly activity: readonly AuditEvent[];
}

/** Calls whose change is seen on the resource itself, with from and to: they say who, and when. */
const seenElsewhere =
  /^microsoft\.(app\/containerapps\/(write|revisions\/(?!restart\/))|web\/sites\/(slots\/)?(slotsswap|deployments|extensions\/))/;
/** Those among them that are a change though nothing is seen to move: the same image in both slots, a package at one URL. */
const evenUnseen =
  /^microsoft\.(app\/containerapps\/revisions\/|web\/sites\/(slots\/)?(slotsswap|deployments|extensions\/))/;
/** Calls that change nothing that runs. */
const noChange =
  /\/(listsecrets|listkeys|list|listhostkeys|getauthtoken|validatemoveresources|publishxml|gettoken)\/action$|\/(locks|tags|roleassignments|diagnosticsettings|providers\/microsoft\.(authorization|insights|resources))\b/;
const kinds: readonly (readonly [RegExp, ChangeKind])[] = [
  [/\/(restart|start|stop|deallocate|poweroff|reimage|reimageall|failover|redeploy)\/action$/, 'restart'],
  [/slotsswap|\/deployments\/|sites\/(slots\/)?extensions\/|rollingupgrades|manualupgrade|osrollingupgrade/, 'deploy'],
  [/autoscalesettings|capacity/, 'scale'],
  [/\/config\/|\/slotconfignames|appsettings/, 'config'],
];

/** What one look saw, as the desk of changes takes it. `memory` is what the look before left. */
export function gathered(source: string, config: AzureConfig, looks: Looks, memory: Memory, nowMs: number): Seen {
  const about = aboutWatched(looks, config);
  const told = new Set(about.filter(({ isGraph }) => isGraph).map(({ event, of }) => keyOf(event, of)));
  return {
    found: movesOf(source, looks.look, memory, nowMs),
    recorded: about.flatMap(({ event, of, isGraph }) => {
      if (noChange.test(event.operation) || isSeen(event, of)) return [];
      // What Resource Graph told with from and to, the activity log need not tell as well.
      if (!isGraph && told.has(keyOf(event, of))) return [];
      return [recordedOf(source, event, of)];
    }),
    who: about.flatMap(({ event, of }) =>
      isSeen(event, of)
        ? [
            {
              ...{ service: of.service, region: of.place.region, atMs: event.atMs, who: whoDid(event) },
              ...(isChange(event) ? { otherwise: recordedOf(source, event, of) } : {}),
            },
          ]
        : [],
    ),
  };
}

interface About {
  readonly event: AuditEvent;
  readonly of: Watched;
  readonly isGraph: boolean;
}

function aboutWatched({ watched, graph, activity }: Looks, config: AzureConfig): readonly About[] {
  const byId = new Map<string, Watched[]>();
  for (const one of watched) {
    const id = idOf(one.place, config);
    byId.set(id, [...(byId.get(id) ?? []), one]);
  }
  const of = (event: AuditEvent): readonly Watched[] => {
    // A call may be about something below the resource: a revision, a setting, a slot.
    for (let id = event.resourceId; id.length > 0; id = id.slice(0, Math.max(0, id.lastIndexOf('/')))) {
      const known = byId.get(id);
      // What is done to a slot is not done to the app above it; a swap is done to both.
      const isOfSlot = event.resourceId.startsWith('/slots/', id.length) && !event.operation.includes('slotsswap');
      if (known !== undefined) return isOfSlot ? [] : known;
    }
    return [];
  };
  return [
    ...graph.flatMap((event) => of(event).map((one) => ({ event, of: one, isGraph: true }))),
    ...activity.flatMap((event) => of(event).map((one) => ({ event, of: one, isGraph: false }))),
  ];
}

// A Container App's own change is seen by its traffic; what else of it was set is a change of its own.
function isSeen({ operation, property }: AuditEvent, { place }: Watched): boolean {
  if (property !== undefined && place.resource.is === 'container-app') return /template|traffic/i.test(property);
  if (property !== undefined && place.resource.is === 'scale-set') return /imageReference|capacity/i.test(property);
  return seenElsewhere.test(operation);
}

function isChange({ operation, property }: AuditEvent): boolean {
  return property === undefined && evenUnseen.test(operation) && !/\/(read|delete)$/.test(operation);
}

function keyOf({ correlation }: AuditEvent, { service }: Watched): string {
  return `${correlation}\n${service}`;
}

function recordedOf(source: string, event: AuditEvent, { service, place }: Watched): Found {
  const { operation, property } = event;
  const by = kinds.find(([pattern]) => pattern.test(operation));
  const isSetting = property !== undefined || /\/write$/.test(operation);
  return {
    ...{ source, service, what: azureResourceName(place.resource), region: place.region, atMs: event.atMs },
    id: digest(['azure-audit', event.correlation, operation, service]),
    kind: by?.[1] ?? (isSetting ? 'config' : 'infrastructure'),
    ...(event.from === undefined || event.from === '' ? {} : { from: event.from }),
    to: event.to === undefined || event.to === '' ? operation : event.to,
    ...whoDid(event),
    attributes: { region: place.region, operation, ...(property === undefined ? {} : { property }) },
  };
}

/** Who did it, and the event, as a change tells them. Our own acts bear our name. */
function whoDid({ actor, ours, correlation }: AuditEvent): Pick<Change, 'actor' | 'ref'> {
  return ours === undefined ? { actor, ref: correlation } : { actor: 'watchkeeper', ref: ours };
}
