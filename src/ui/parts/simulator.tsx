import { useEffect, useId, useState } from 'preact/hooks';

import type { JsonObject } from '../../lib/json.ts';
import { paramsHint, paramsOf } from '../lib/params.ts';
import { ApiError, post } from '../net/client.ts';
import type { MatrixRow, WhatIf } from '../wire.ts';
import { Card, State, Text, Trouble } from './basic.tsx';
import { DecisionView } from './decision.tsx';
import { PlanSteps } from './plan.tsx';

/** "Would this be allowed now, and why?" Looks at the targets, and changes nothing. */
export function Simulator(props: {
  readonly rows: readonly MatrixRow[];
  readonly chosen?: { readonly runbook: string; readonly service: string };
}) {
  const { rows, chosen } = props;
  const [service, setService] = useState('');
  const [runbook, setRunbook] = useState('');
  const [found, setFound] = useState<WhatIf>();
  const [wrong, setWrong] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const [written, setWritten] = useState('');
  const id = useId();
  const ask = (about: { readonly runbook: string; readonly service: string }, params: JsonObject): void => {
    setBusy(true);
    setWrong(undefined);
    void post<WhatIf>('/api/v1/plan', { ...about, params })
      .then(setFound)
      .catch((thrown: unknown) => setWrong(thrown instanceof ApiError ? thrown : new ApiError(0, 'it cannot be read')))
      .finally(() => setBusy(false));
  };
  useEffect(() => {
    if (chosen === undefined) return;
    setService(chosen.service);
    setRunbook(chosen.runbook);
    ask(chosen, {});
  }, [chosen]);
  const services = [...new Set(rows.map((row) => row.service))].sort();
  const runbooks = [
    ...new Set(rows.filter((row) => service === '' || row.service === service).map((row) => row.runbook)),
  ].sort();
  return (
    <Card title="Would this be allowed now?">
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          if (service === '' || runbook === '') return;
          try {
            ask({ runbook, service }, paramsOf(written));
          } catch (thrown) {
            setWrong(new ApiError(0, thrown instanceof Error ? thrown.message : 'it cannot be read'));
          }
        }}
      >
        <Choose label="Service" value={service} names={services} onPick={setService} />
        <Choose label="Runbook" value={runbook} names={runbooks} onPick={setRunbook} />
        <label htmlFor={id}>
          Parameters
          <input
            id={id}
            value={written}
            maxLength={500}
            placeholder="name=value"
            title={paramsHint}
            onInput={(event) => setWritten(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="main" disabled={busy}>
          {busy ? 'Asking …' : 'Ask'}
        </button>
      </form>
      {wrong === undefined ? null : <Trouble error={wrong} />}
      <div role="status">{found === undefined ? null : <Answer of={found} />}</div>
      <p class="soft small">Asking looks at the targets and changes nothing.</p>
    </Card>
  );
}

function Choose(props: {
  readonly label: string;
  readonly value: string;
  readonly names: readonly string[];
  readonly onPick: (name: string) => void;
}) {
  const id = useId();
  return (
    <label htmlFor={id}>
      {props.label}
      <select id={id} value={props.value} required onChange={(event) => props.onPick(event.currentTarget.value)}>
        <option value="">choose one</option>
        {props.names.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function Answer({ of }: { readonly of: WhatIf }) {
  return (
    <div class="view">
      <p>
        <strong>
          <Text>{`${of.runbook} on ${of.service}`}</Text>
        </strong>{' '}
        {of.decision === undefined ? null : <State kind="decisions" of={of.decision.outcome} />}
      </p>
      <p>
        {of.match.matched ? 'The runbook applies: ' : 'The runbook does not apply: '}
        <Text>{of.match.because}</Text>
      </p>
      {of.because === undefined ? null : (
        <p>
          There is no plan: <Text>{of.because}</Text>
        </p>
      )}
      {of.decision === undefined ? null : <DecisionView decision={of.decision} />}
      {of.plan === undefined ? null : (
        <details>
          <summary>What it would do</summary>
          <PlanSteps plan={of.plan} />
        </details>
      )}
    </div>
  );
}
