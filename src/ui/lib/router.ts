/** A place within the page. Every one has an address of its own, so that it can be sent to a colleague. */
export type Route =
  | { readonly view: 'now' }
  | { readonly view: 'incidents' }
  | { readonly view: 'incident'; readonly id: string }
  | { readonly view: 'approvals' }
  | { readonly view: 'services' }
  | { readonly view: 'service'; readonly name: string }
  | { readonly view: 'policy' }
  | { readonly view: 'ledger'; readonly seq?: number }
  | { readonly view: 'nowhere'; readonly path: string };

/** The place an address names. */
export function routeOf(pathname: string): Route {
  const [first = '', second, ...rest] = pathname.split('/').slice(1).map(decoded);
  if (rest.length === 0 && second === undefined) {
    if (first === '') return { view: 'now' };
    if (isPlain(first)) return { view: first };
  }
  if (rest.length === 0 && second !== undefined && second !== '') {
    if (first === 'incidents') return { view: 'incident', id: second };
    if (first === 'services') return { view: 'service', name: second };
    if (first === 'ledger' && /^\d{1,15}$/.test(second)) return { view: 'ledger', seq: Number(second) };
  }
  return { view: 'nowhere', path: pathname };
}

/** The address of a place. */
export function hrefOf(route: Route): string {
  switch (route.view) {
    case 'now':
      return '/';
    case 'incident':
      return `/incidents/${encodeURIComponent(route.id)}`;
    case 'service':
      return `/services/${encodeURIComponent(route.name)}`;
    case 'ledger':
      return route.seq === undefined ? '/ledger' : `/ledger/${route.seq}`;
    case 'nowhere':
      return route.path;
    default:
      return `/${route.view}`;
  }
}

/** What the tab is called at a place: how much is open comes first, for it is read in a row of tabs. */
export function titleOf(route: Route, open: number): string {
  const names: Readonly<Record<Route['view'], string>> = {
    now: 'Now',
    incidents: 'Incidents',
    incident: 'Incident',
    approvals: 'Approvals',
    services: 'Services',
    service: route.view === 'service' ? route.name : 'Service',
    policy: 'Policy',
    ledger: 'Ledger',
    nowhere: 'Nothing here',
  };
  return `${open === 0 ? '' : `(${open}) `}${names[route.view]} · Watchkeeper`;
}

const plain = ['incidents', 'approvals', 'services', 'policy', 'ledger'] as const;

function isPlain(name: string): name is (typeof plain)[number] {
  return plain.some((one) => one === name);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
