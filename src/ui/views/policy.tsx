import { useState } from 'preact/hooks';

import type { MatrixRow } from '../wire.ts';
import { Badge, Card, Empty, Text, Trouble, ViewHead, Waiting } from '../parts/basic.tsx';
import { Simulator } from '../parts/simulator.tsx';
import { shown } from '../lib/states.ts';
import { useResource } from '../net/resource.ts';

const mostColumns = 8;

/** What policies allow at best, and what they would say now. */
export function PolicyView() {
  const { value, error } = useResource<{ readonly rows: readonly MatrixRow[] }>('/api/v1/policy/matrix');
  const [chosen, setChosen] = useState<{ readonly runbook: string; readonly service: string }>();
  const rows = value?.rows ?? [];
  return (
    <div class="view">
      <ViewHead
        title="Policy"
        sub="What policies allow at the very best. Freezes, budgets, attempts and the state of the target are asked again before each step."
      />
      {error === undefined ? null : <Trouble error={error} />}
      {value === undefined && error === undefined ? <Waiting /> : null}
      <Simulator rows={rows} {...(chosen === undefined ? {} : { chosen })} />
      <Matrix rows={rows} choose={setChosen} />
    </div>
  );
}

function Matrix(props: {
  readonly rows: readonly MatrixRow[];
  readonly choose: (cell: { readonly runbook: string; readonly service: string }) => void;
}) {
  const { rows, choose } = props;
  const [words, setWords] = useState('');
  const wanted = words.trim().toLowerCase();
  const all = [...new Set(rows.map(({ service }) => service))].sort();
  const services = all.filter((name) => name.toLowerCase().includes(wanted)).slice(0, mostColumns);
  const steps = [...new Map(rows.map((row) => [stepKey(row), row])).values()];
  const cells = new Map(rows.map((row) => [`${stepKey(row)} ${row.service}`, row]));
  return (
    <Card title="Matrix" flush>
      {all.length <= mostColumns ? null : (
        <div class="body">
          <label>
            <span>
              Services <span class="hint">({`${services.length} of ${all.length} shown`})</span>
            </span>
            <input type="search" value={words} onInput={(event) => setWords(event.currentTarget.value)} />
          </label>
        </div>
      )}
      {rows.length === 0 ? <Empty>No runbook is enabled for a service.</Empty> : null}
      <div class="scroll" tabIndex={0} role="region" aria-label="Policy matrix">
        <table>
          <thead>
            <tr>
              <th scope="col">Runbook and step</th>
              {services.map((name) => (
                <th scope="col" key={name}>
                  <Text>{name}</Text>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {steps.map((step) => (
              <tr key={stepKey(step)}>
                <th scope="row">
                  <Text>{step.runbook}</Text>
                  <br />
                  <span class="soft small">
                    {step.step} · <code>{step.action}</code>
                  </span>
                </th>
                {services.map((name) => (
                  <Cell key={name} row={cells.get(`${stepKey(step)} ${name}`)} choose={choose} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

function Cell(props: {
  readonly row: MatrixRow | undefined;
  readonly choose: (cell: { readonly runbook: string; readonly service: string }) => void;
}) {
  const { row, choose } = props;
  if (row === undefined)
    return (
      <td>
        <span class="soft small">not for it</span>
      </td>
    );
  return (
    <td>
      <button
        type="button"
        class="cell"
        title={`${row.because} Ask what it would say now.`}
        onClick={() => choose({ runbook: row.runbook, service: row.service })}
      >
        <Badge is={shown('decisions', row.outcome)} />
      </button>
      <div class="soft small">
        <code>{row.rule}</code>
      </div>
    </td>
  );
}

function stepKey({ runbook, step }: MatrixRow): string {
  return `${runbook} ${step}`;
}
