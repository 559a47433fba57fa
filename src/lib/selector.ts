import { globMatches } from './glob.ts';

/**
 * Selects labelled things. Each key must be present with one of the values, which may be globs (`payments-*`);
 * `name` stands for the thing's own name. An empty selector selects everything.
 */
export type Selector = Readonly<Record<string, string | readonly string[]>>;

/** Whether a thing with this name and these labels is selected. */
export function selects(
  selector: Selector,
  thing: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
): boolean {
  return Object.entries(selector).every(([key, wanted]) => {
    const actual = key === 'name' ? thing.name : thing.labels[key];
    if (actual === undefined) return false;
    return (typeof wanted === 'string' ? [wanted] : wanted).some((pattern) => globMatches(pattern, actual));
  });
}
