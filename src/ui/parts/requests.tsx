import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';

import type { JsonObject } from '../../lib/json.ts';
import { paramsHint, paramsOf } from '../lib/params.ts';
import { post } from '../net/client.ts';
import { beat } from '../net/live.ts';
import { may } from '../net/overview.ts';
import { useResource } from '../net/resource.ts';
import type { RequestResult, RunbookBrief } from '../wire.ts';
import { Text } from './basic.tsx';
import { Ask } from './dialog.tsx';

type What = 'snooze' | 'hand-over' | 'runbook';

/** What else a person can ask for about an open incident. */
export function Requests({ incidentId }: { readonly incidentId: string }) {
  const [asking, setAsking] = useState<What>();
  const [said, setSaid] = useState<string>();
  if (!may('answer')) return null;
  const ask = async (body: JsonObject): Promise<void> => {
    const path = `/api/v1/incidents/${encodeURIComponent(incidentId)}/${asking ?? 'snooze'}`;
    const result = await post<RequestResult>(path, body);
    beat();
    if (result.is === 'refused') throw new Error(`Not done: ${result.message}`);
    setSaid(result.message);
  };
  const close = (): void => setAsking(undefined);
  return (
    <div>
      <div class="buttons">
        <button type="button" onClick={() => setAsking('snooze')}>
          Snooze
        </button>
        <button type="button" onClick={() => setAsking('hand-over')}>
          Hand over
        </button>
        <button type="button" onClick={() => setAsking('runbook')}>
          Other runbook
        </button>
      </div>
      <p role="status">{said === undefined ? null : <Text>{said}</Text>}</p>
      {asking === 'snooze' ? <Snooze ask={ask} onClose={close} /> : null}
      {asking === 'hand-over' ? <HandOver ask={ask} onClose={close} /> : null}
      {asking === 'runbook' ? <OtherRunbook ask={ask} onClose={close} /> : null}
    </div>
  );
}

interface FormProps {
  readonly ask: (body: JsonObject) => Promise<void>;
  readonly onClose: () => void;
}

const reason = { label: 'Reason (optional; it stands in the ledger)', must: false };
const withReason = (text: string): JsonObject => (text === '' ? {} : { reason: text });

function Snooze({ ask, onClose }: FormProps) {
  const [length, setLength] = useState('30m');
  return (
    <Ask
      title="Call nobody about it for a while?"
      confirm="Snooze"
      comment={reason}
      act={(text) => ask({ for: length, ...withReason(text) })}
      onClose={onClose}
    >
      <p>It is called again at once when the incident gets worse, or when something that was done for it fails.</p>
      <Choice label="How long" value={length} onPick={setLength}>
        {['15m', '30m', '1h', '2h', '4h', '8h'].map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </Choice>
    </Ask>
  );
}

function HandOver({ ask, onClose }: FormProps) {
  const [to, setTo] = useState('');
  const id = useId();
  return (
    <Ask
      title="Hand it over?"
      confirm="Hand over"
      comment={reason}
      act={(text) => ask({ ...(to.trim() === '' ? {} : { to: to.trim() }), ...withReason(text) })}
      onClose={onClose}
    >
      <label htmlFor={id}>
        <span>
          To <span class="hint">(empty: whoever comes next; else an escalation or somebody it names)</span>
        </span>
        <input id={id} value={to} maxLength={300} onInput={(event) => setTo(event.currentTarget.value)} />
      </label>
    </Ask>
  );
}

function OtherRunbook({ ask, onClose }: FormProps) {
  const { value } = useResource<{ readonly runbooks: readonly RunbookBrief[] }>('/api/v1/runbooks');
  const [name, setName] = useState('');
  const [written, setWritten] = useState('');
  const id = useId();
  const summary = value?.runbooks.find((one) => one.name === name)?.summary;
  return (
    <Ask
      title="Propose another runbook?"
      confirm="Propose"
      act={async () => {
        if (name === '') throw new Error('Choose a runbook first.');
        await ask({ runbook: name, params: paramsOf(written) });
      }}
      onClose={onClose}
    >
      <p>It makes a new plan in your name, and policy decides as ever. Nobody approves what they proposed.</p>
      <Choice label="Runbook" value={name} onPick={setName}>
        <option value="">choose one</option>
        {value?.runbooks.map((one) => (
          <option key={one.name} value={one.name}>
            {one.name}
          </option>
        ))}
      </Choice>
      {summary === undefined ? null : (
        <p class="soft">
          <Text>{summary}</Text>
        </p>
      )}
      <label htmlFor={id}>
        <span>
          Parameters <span class="hint">({paramsHint})</span>
        </span>
        <input id={id} value={written} maxLength={500} onInput={(event) => setWritten(event.currentTarget.value)} />
      </label>
    </Ask>
  );
}

function Choice(props: {
  readonly label: string;
  readonly value: string;
  readonly onPick: (value: string) => void;
  readonly children: ComponentChildren;
}) {
  const id = useId();
  return (
    <label htmlFor={id}>
      {props.label}
      <select id={id} value={props.value} onChange={(event) => props.onPick(event.currentTarget.value)}>
        {props.children}
      </select>
    </label>
  );
}
