import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';

import { ApiError } from '../net/client.ts';
import { Text } from './basic.tsx';

/** A question that has to be answered before anything happens. */
export interface AskProps {
  readonly title: string;
  /** The words on the button that does it. */
  readonly confirm: string;
  readonly tone?: 'bad';
  /** What a comment is for; `must`: there has to be one. Absent: none is asked for. */
  readonly comment?: { readonly label: string; readonly must: boolean };
  readonly children: ComponentChildren;
  /** Does it. What it throws is shown, and the dialog stays. */
  readonly act: (comment: string) => Promise<void>;
  readonly onClose: () => void;
}

const mostComment = 500;

/** A modal dialog: the browser keeps the focus in it, Escape leaves it, and the focus goes back where it was. */
export function Ask({ title, confirm, tone, comment, children, act, onClose }: AskProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<string>();
  const [titleId, textId] = [useId(), useId()];
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setWrong(undefined);
    void act(text.trim())
      .then(onClose)
      .catch((thrown: unknown) => {
        setWrong(thrown instanceof Error ? said(thrown) : 'it failed');
        setBusy(false);
      });
  };
  return (
    <dialog ref={dialog} aria-labelledby={titleId} onClose={onClose}>
      <form onSubmit={submit}>
        <h2 id={titleId}>{title}</h2>
        {children}
        {comment === undefined ? null : (
          <label htmlFor={textId}>
            {comment.label}
            <textarea
              id={textId}
              rows={2}
              maxLength={mostComment}
              required={comment.must}
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          </label>
        )}
        {wrong === undefined ? null : (
          <p class="error" role="alert">
            <Text>{wrong}</Text>
          </p>
        )}
        <div class="buttons">
          <button
            type="submit"
            class={`main ${tone ?? ''}`}
            disabled={busy || (comment?.must === true && text.trim() === '')}
          >
            {busy ? 'Sending …' : confirm}
          </button>
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
        </div>
      </form>
    </dialog>
  );
}

function said(error: Error): string {
  return error instanceof ApiError && error.fix !== undefined ? `${error.message}. ${error.fix}` : error.message;
}
