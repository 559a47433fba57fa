import { useEffect, useState } from 'preact/hooks';

import { ApiError, get } from './client.ts';
import { pulse } from './live.ts';

/** What is known of an answer: the last good one is kept while it is asked for anew, or cannot be. */
export interface Resource<T> {
  readonly value?: T;
  readonly error?: ApiError;
  readonly loading: boolean;
}

/** An answer of the API that is kept up to date while it is shown. `undefined` asks nothing. */
export function useResource<T>(path: string | undefined): Resource<T> {
  const [known, setKnown] = useState<Resource<T> & { readonly path?: string }>({ loading: true });
  const beat = pulse.value;
  useEffect(() => {
    if (path === undefined) return undefined;
    let left = false;
    void get<T>(path)
      .then((value) => {
        if (!left) setKnown({ path, value, loading: false });
      })
      .catch((thrown: unknown) => {
        const error = thrown instanceof ApiError ? thrown : new ApiError(0, 'the answer cannot be read');
        if (!left) setKnown((before) => ({ ...(before.path === path ? before : { path }), error, loading: false }));
      });
    return () => {
      left = true;
    };
  }, [path, beat]);
  return known.path === path ? known : { loading: true };
}
