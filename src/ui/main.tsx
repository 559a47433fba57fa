import { effect } from '@preact/signals';
import { render } from 'preact';
import { useEffect } from 'preact/hooks';

import type { Overview } from './wire.ts';
import { startClock } from './net/clock.ts';
import { beat, follow } from './net/live.ts';
import { titleOf } from './lib/router.ts';
import { followHistory, place } from './net/place.ts';
import { token, way } from './net/session.ts';
import { keepOverview, lookForSession, me, overview, trouble } from './net/overview.ts';
import { Trouble, ViewHead, Waiting } from './parts/basic.tsx';
import { Shell } from './parts/shell.tsx';
import { ApprovalsView } from './views/approvals.tsx';
import { IncidentView } from './views/incident.tsx';
import { IncidentsView } from './views/incidents.tsx';
import { LedgerView } from './views/ledger.tsx';
import { NowView } from './views/now.tsx';
import { PolicyView } from './views/policy.tsx';
import { ServiceView } from './views/service.tsx';
import { ServicesView } from './views/services.tsx';
import { SignInView } from './views/signin.tsx';

function Page() {
  useEffect(() => {
    if (way.value === 'asking') void lookForSession();
  }, []);
  if (way.value === 'asking') return null;
  if (way.value === 'none') return <SignInView />;
  return <Watched key={token.value ?? ''} />;
}

// Everything that asks the daemon begins with a token and ends with it.
function Watched() {
  useEffect(() => {
    const leave = new AbortController();
    const stop = keepOverview();
    const named = effect(() => {
      document.title = titleOf(place.value, overview.value?.openIncidents ?? 0);
    });
    void follow(leave.signal);
    addEventListener('visibilitychange', beat, { signal: leave.signal });
    return () => {
      leave.abort();
      stop();
      named();
      overview.value = undefined;
      me.value = undefined;
    };
  }, []);
  return (
    <Shell overview={overview.value}>
      {trouble.value === undefined ? null : <Trouble error={trouble.value} />}
      <View now={overview.value} />
    </Shell>
  );
}

function View({ now }: { readonly now: Overview | undefined }) {
  const at = place.value;
  switch (at.view) {
    case 'now':
      return now === undefined ? <Waiting /> : <NowView overview={now} />;
    case 'incidents':
      return <IncidentsView />;
    case 'incident':
      return <IncidentView key={at.id} id={at.id} />;
    case 'approvals':
      return <ApprovalsView />;
    case 'services':
      return <ServicesView />;
    case 'service':
      return <ServiceView key={at.name} name={at.name} />;
    case 'policy':
      return <PolicyView />;
    case 'ledger':
      return <LedgerView {...(at.seq === undefined ? {} : { seq: at.seq })} />;
    case 'nowhere':
      return <ViewHead title="There is nothing here" sub="Choose a place." />;
  }
}

startClock();
followHistory();
const root = document.getElementById('page');
if (root !== null) render(<Page />, root);
