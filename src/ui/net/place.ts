import { signal } from '@preact/signals';

import { hrefOf, routeOf, type Route } from '../lib/router.ts';

/** Where in the page we are. */
export const place = signal<Route>(routeOf(location.pathname));

/** Goes to a place and puts the focus where reading begins. */
export function go(route: Route): void {
  history.pushState(null, '', hrefOf(route));
  arrive();
}

/** Follows the browser's own back and forward. */
export function followHistory(): void {
  addEventListener('popstate', arrive);
}

function arrive(): void {
  place.value = routeOf(location.pathname);
  scrollTo(0, 0);
  // After the view was drawn: a screen reader then reads the new one, and Tab goes on from there.
  requestAnimationFrame(() => document.querySelector<HTMLElement>('main h1')?.focus());
}
