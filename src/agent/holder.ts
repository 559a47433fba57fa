import { WatchkeeperError } from '../lib/errors.ts';
import type { Service } from '../domain/service.ts';
import { buildCatalog, emptyCatalog, type Catalog } from '../catalog/index.ts';
import { noResources, type Resources } from './resources.ts';
import type { Watch } from './watch.ts';

/** The resources in force, what sources discovered, and the catalog made of both: only ever swapped together. */
export interface Holder {
  readonly resources: () => Resources;
  readonly catalog: () => Catalog;
  readonly byName: () => ReadonlyMap<string, Service>;
  /** Makes everything of a set and gives the step that puts it in force. @throws `conflict`; nothing has changed then. */
  readonly prepare: (resources: Resources) => () => void;
  /** Replaces what was discovered. @throws `conflict`; nothing has changed then. */
  readonly discovered: (services: readonly Service[]) => void;
}

interface Held {
  readonly resources: Resources;
  readonly seen: readonly Service[];
  readonly catalog: Catalog;
  readonly byName: ReadonlyMap<string, Service>;
}

/** Makes it, holding nothing. */
export function createHolder(): Holder {
  let held: Held = { resources: noResources, seen: [], catalog: emptyCatalog, byName: new Map() };
  return {
    resources: () => held.resources,
    catalog: () => held.catalog,
    byName: () => held.byName,
    prepare: (resources) => {
      const next = together(resources, held.seen);
      return () => {
        held = next;
      };
    },
    discovered: (services) => {
      held = together(held.resources, services);
    },
  };
}

// The loader has checked the declared services together; only what was discovered beside them can be in the way.
function together(resources: Resources, seen: readonly Service[]): Held {
  const built = buildCatalog([...resources.services, ...seen]);
  if (!built.ok) {
    const said = built.issues.map(({ message }) => message).join('; ');
    throw new WatchkeeperError('conflict', `what is declared and what sources discover do not go together: ${said}`, {
      fix: 'Rename one of the services, or let the source discover fewer.',
    });
  }
  const catalog = built.value;
  return { resources, seen, catalog, byName: new Map(catalog.services.map((service) => [service.name, service])) };
}

/** Tells of what was discovered and could not be put in force. */
export interface DiscoveryDesk {
  take(discover: () => void): void;
  readonly conflict: () => string | undefined;
}

/**
 * Makes it. The last good catalog goes on being watched; acting waits, since what it says of who depends on whom is not
 * what the sources see (I2). Each conflict is told once, and its end as well.
 */
export function createDiscoveryDesk(watch: () => Watch): DiscoveryDesk {
  let conflict: string | undefined;
  const note = (found: string | undefined): void => {
    const { metrics, health } = watch();
    metrics.discoveryOk.set(found === undefined ? 1 : 0);
    if (found === conflict) return;
    conflict = found;
    health.set('discovery', found);
    void tell(watch(), found);
  };
  return {
    take: (discover) => {
      try {
        discover();
        note(undefined);
      } catch (thrown) {
        note(WatchkeeperError.from(thrown).message);
      }
    },
    conflict: () => conflict,
  };
}

async function tell(watch: Watch, found: string | undefined): Promise<void> {
  if (found === undefined) watch.log.info('what sources discover is in force again');
  else watch.log.error('what sources discover was refused; the last good catalog stays in force', { problem: found });
  const body = { digest: watch.resources().digest, policies: watch.resources().policies.digest, of: 'discovery' };
  const draft = { actor: 'watchkeeper', atMs: watch.clock.nowMs(), subject: {}, body };
  await watch.ledger
    .record({
      drafts: [
        found === undefined
          ? { ...draft, type: 'config-loaded' }
          : { ...draft, type: 'config-rejected', payload: { problems: [found] } },
      ],
    })
    .catch((thrown: unknown) => watch.log.error('a discovery could not be recorded', { error: thrown }));
}
