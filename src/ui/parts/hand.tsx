import { useState } from 'preact/hooks';

import { post } from '../net/client.ts';
import { beat } from '../net/live.ts';
import { may } from '../net/overview.ts';
import type { Overview } from '../wire.ts';
import { Text, When } from './basic.tsx';
import { Ask } from './dialog.tsx';
import { Icon } from './icon.tsx';

/** Stops the machine's hand, or lets it act again; both want a reason, which stands in the ledger. */
export function HandButton({ overview }: { readonly overview: Overview }) {
  const [asking, setAsking] = useState(false);
  const paused = overview.paused !== undefined;
  const act = async (reason: string): Promise<void> => {
    await post(paused ? '/api/v1/resume' : '/api/v1/pause', { reason });
    beat();
  };
  if (!may(paused ? 'resume' : 'pause')) return null;
  return (
    <>
      <button type="button" onClick={() => setAsking(true)}>
        <Icon name={paused ? 'play' : 'pause'} /> {paused ? 'Resume' : 'Pause all'}
      </button>
      {asking ? (
        <Ask
          title={paused ? 'Let it act again?' : 'Pause everything it does?'}
          confirm={paused ? 'Resume' : 'Pause all'}
          {...(paused ? {} : { tone: 'bad' as const })}
          comment={{ label: 'Reason (it stands in the ledger)', must: true }}
          act={act}
          onClose={() => setAsking(false)}
        >
          <p>
            {paused
              ? 'It acts again where policy allows it.'
              : 'It goes on watching, diagnosing and telling people, and does nothing until somebody resumes it. A step that is under way is finished.'}
          </p>
        </Ask>
      ) : null}
    </>
  );
}

/** Says across the page why the machine does not act, when it does not. */
export function Banners({ overview }: { readonly overview: Overview }) {
  const { paused, unwell, resources } = overview;
  return (
    <>
      {paused === undefined ? null : (
        <div class="banner" role="status">
          <Icon name="pause" />
          <div>
            <strong>Paused</strong> by <Text>{paused.by}</Text>, <When atMs={paused.atMs} />:{' '}
            <Text>{paused.reason}</Text>. It watches and tells, and does nothing.
          </div>
        </div>
      )}
      {unwell.length === 0 ? null : (
        <div class="banner bad" role="status">
          <Icon name="incidents" />
          <div>
            <strong>The agent is unwell</strong>, so it only observes: <Text>{unwell.join('; ')}</Text>
          </div>
        </div>
      )}
      {resources.ok ? null : (
        <div class="banner bad" role="status">
          <Icon name="incidents" />
          <div>
            <strong>The documents have problems</strong>: <Text>{resources.problems.slice(0, 3).join('; ')}</Text>
          </div>
        </div>
      )}
    </>
  );
}
