/** One case of a policy's tests, as far as lint looks at it. */
interface PolicyTestCase {
  readonly given: { readonly policies?: readonly string[] };
  readonly expect: { readonly decision?: string };
}

/**
 * What is wrong with the tests of a policy: a policy whose tests never see it deny anything is not tested, because the
 * promise of a policy is what it does not let happen. Empty: nothing.
 */
export function lintPolicyTests(policy: string, cases: readonly PolicyTestCase[] | undefined): readonly string[] {
  if (cases === undefined || cases.length === 0) return [`policy ${policy} has no tests`];
  const about = cases.filter(({ given }) => given.policies?.includes(policy) ?? true);
  return about.some(({ expect }) => expect.decision === 'deny')
    ? []
    : [`policy ${policy} has no test of a denial: write a case that expects decision: deny`];
}
