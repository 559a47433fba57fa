import type { ComponentChildren } from 'preact';

import { shown, type Shown } from '../lib/states.ts';
import { absolute, clockTime, relative } from '../lib/time.ts';
import { visible } from '../lib/words.ts';
import { hrefOf, type Route } from '../lib/router.ts';
import type { ApiError } from '../net/client.ts';
import { now } from '../net/clock.ts';
import { go } from '../net/place.ts';
import { Icon } from './icon.tsx';

/** A state: drawing, colour and word say the same. */
export function Badge({ is }: { readonly is: Shown }) {
  return (
    <span class={`badge ${is.tone}`}>
      <Icon name={is.icon} size={13} />
      {is.word}
    </span>
  );
}

/** The state of something of a kind. */
export function State({ kind, of }: { readonly kind: Parameters<typeof shown>[0]; readonly of: string }) {
  return <Badge is={shown(kind, of)} />;
}

/**
 * How long ago, or in how long; the whole time on hover and, unless `still`, on focus. `clock` shows the time of day
 * instead, and how long ago on hover.
 */
export function When(props: { readonly atMs: number; readonly still?: boolean; readonly clock?: boolean }) {
  const { atMs, still = false, clock = false } = props;
  const ago = relative(atMs, now.value);
  const whole = absolute(atMs);
  const iso = new Date(atMs).toISOString();
  if (still)
    return (
      <time dateTime={iso} title={whole}>
        {clock ? clockTime(atMs) : ago}
      </time>
    );
  return (
    <time class="when" dateTime={iso} tabIndex={0}>
      {clock ? clockTime(atMs) : ago}
      <span class="tip" role="tooltip">
        {clock ? `${whole} · ${ago}` : whole}
      </span>
    </time>
  );
}

/** Goes to a place within the page; a new tab when that is asked for. */
export function Go(props: {
  readonly to: Route;
  readonly class?: string;
  readonly current?: boolean;
  readonly children: ComponentChildren;
}) {
  const { to, current, children } = props;
  return (
    <a
      href={hrefOf(to)}
      class={props.class}
      aria-current={current === true ? 'page' : undefined}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0) return;
        event.preventDefault();
        go(to);
      }}
    >
      {children}
    </a>
  );
}

/** A part of a view under its own heading. */
export function Card(props: {
  readonly title: string;
  readonly side?: ComponentChildren;
  readonly class?: string;
  readonly flush?: boolean;
  readonly children: ComponentChildren;
}) {
  return (
    <section class={`card ${props.class ?? ''}`} aria-label={props.title}>
      <header>
        <h2>{props.title}</h2>
        {props.side}
      </header>
      {props.flush === true ? props.children : <div class="body">{props.children}</div>}
    </section>
  );
}

/** Text from outside (log lines, names, reasons): text, whatever is in it. */
export function Text({ children }: { readonly children: string }) {
  return <>{visible(children)}</>;
}

/** There is nothing, and that is an answer. */
export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** What went wrong, and what to do about it. */
export function Trouble({ error }: { readonly error: ApiError }) {
  return (
    <p class="error" role="alert">
      <strong>Could not be read: </strong>
      <Text>{error.message}</Text>
      {error.fix === undefined ? null : (
        <>
          {' '}
          <Text>{error.fix}</Text>
        </>
      )}
    </p>
  );
}

/** It is being asked for. */
export function Waiting() {
  return (
    <p class="waiting" role="status">
      Reading …
    </p>
  );
}

/** Names and values beside one another. */
export function Facts({ of }: { readonly of: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {of.map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </>
      ))}
    </dl>
  );
}

/** The head of a view: what it is called, where focus goes when it is entered. */
export function ViewHead(props: {
  readonly title: ComponentChildren;
  readonly sub?: ComponentChildren;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="view-head">
      <div>
        <h1 tabIndex={-1}>{props.title}</h1>
        {props.sub === undefined ? null : <p>{props.sub}</p>}
      </div>
      {props.children}
    </div>
  );
}
