import { useId, useState } from 'preact/hooks';

import { keepToken, provider, refusal } from '../net/session.ts';
import { beat } from '../net/live.ts';
import { Text } from '../parts/basic.tsx';
import { Icon } from '../parts/icon.tsx';

/** Who are you? A token is kept for this tab alone, and never becomes part of an address. */
export function SignInView() {
  const [text, setText] = useState('');
  const id = useId();
  return (
    <main class="signin" id="main">
      <section class="card" aria-labelledby={`${id}-title`}>
        <div class="body">
          <h1 id={`${id}-title`} tabIndex={-1}>
            Watchkeeper
          </h1>
          <p class="soft">Whoever looks or answers here has a name in the ledger.</p>
          {provider.value ? (
            <>
              <a class="button main" href="/auth/login">
                <Icon name="person" /> Sign in with your organisation
              </a>
              <p class="soft small">or with a token:</p>
            </>
          ) : null}
          <form
            onSubmit={(event) => {
              event.preventDefault();
              keepToken(text.trim());
              beat();
            }}
          >
            <label htmlFor={id}>
              Token
              <input
                id={id}
                type="password"
                name="token"
                autoComplete="current-password"
                spellcheck={false}
                required
                value={text}
                onInput={(event) => setText(event.currentTarget.value)}
              />
            </label>
            {refusal.value === undefined ? null : (
              <p class="error" role="alert">
                <Text>{refusal.value}</Text>
              </p>
            )}
            <button type="submit" class="main">
              <Icon name="lock" /> Sign in
            </button>
          </form>
          <p class="soft small">
            On the daemon's own machine the token is in its data folder, in <code>api-token</code>. It is kept in this
            tab until you close it.
          </p>
        </div>
      </section>
    </main>
  );
}
