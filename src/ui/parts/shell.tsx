import type { ComponentChildren } from 'preact';

import type { Overview } from '../wire.ts';
import { count } from '../lib/words.ts';
import type { Route } from '../lib/router.ts';
import { link } from '../net/live.ts';
import { place } from '../net/place.ts';
import { signOut } from '../net/overview.ts';
import { Badge, Go } from './basic.tsx';
import { Banners, HandButton } from './hand.tsx';
import { Icon, type IconName } from './icon.tsx';

const places: readonly { readonly to: Route; readonly name: string; readonly icon: IconName }[] = [
  { to: { view: 'now' }, name: 'Now', icon: 'now' },
  { to: { view: 'incidents' }, name: 'Incidents', icon: 'incidents' },
  { to: { view: 'approvals' }, name: 'Approvals', icon: 'approvals' },
  { to: { view: 'services' }, name: 'Services', icon: 'services' },
  { to: { view: 'policy' }, name: 'Policy', icon: 'policy' },
  { to: { view: 'ledger' }, name: 'Ledger', icon: 'ledger' },
];

/** The frame around every view. */
export function Shell(props: { readonly overview: Overview | undefined; readonly children: ComponentChildren }) {
  const { overview, children } = props;
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={(event) => skip(event)}>
        Skip to the content
      </a>
      <header class="top">
        <Go to={{ view: 'now' }} class="brand">
          <Icon name="now" size={22} /> <span class="brand-word">Watchkeeper</span>
        </Go>
        <span class="grow" />
        <LinkState />
        {overview === undefined ? null : <HandButton overview={overview} />}
        <button type="button" class="plain" aria-label="Sign out" onClick={() => void signOut()}>
          <Icon name="out" />
          <span class="wide">Sign out</span>
        </button>
      </header>
      <Rail waiting={overview?.approvals.length ?? 0} open={overview?.openIncidents ?? 0} />
      <main id="main" tabIndex={-1}>
        {overview === undefined ? null : <Banners overview={overview} />}
        {children}
      </main>
    </div>
  );
}

function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

function Rail({ waiting, open }: { readonly waiting: number; readonly open: number }) {
  const here = rooted(place.value);
  const many: Readonly<Record<string, readonly [number, string]>> = {
    Approvals: [waiting, `${count(waiting, 'plan')} waiting`],
    Incidents: [open, `${open} open`],
  };
  return (
    <nav class="rail" aria-label="Places">
      <ul>
        {places.map(({ to, name, icon }) => {
          const [number = 0, words = ''] = many[name] ?? [];
          return (
            <li key={name}>
              <Go to={to} current={here === to.view}>
                <Icon name={icon} size={18} />
                <span class="label">{name}</span>
                {number === 0 ? null : (
                  <span class="bubble">
                    <span aria-hidden="true">{number > 99 ? '99+' : number}</span>
                    <span class="hidden-text">, {words}</span>
                  </span>
                )}
              </Go>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

function rooted({ view }: Route): Route['view'] {
  if (view === 'incident') return 'incidents';
  return view === 'service' ? 'services' : view;
}

function LinkState() {
  switch (link.value) {
    case 'live':
      return <Badge is={{ word: 'live', tone: 'good', icon: 'check' }} />;
    case 'polling':
      return <Badge is={{ word: 'every 5 s', tone: 'note', icon: 'dots' }} />;
    case 'cut':
      return <Badge is={{ word: 'no connection', tone: 'bad', icon: 'cross' }} />;
    case 'connecting':
      return <Badge is={{ word: 'connecting', tone: 'note', icon: 'dots' }} />;
  }
}
