import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes minutes, longest first: begun last, one of them would run on alone. */
const long = ['replicas', 'demo', 'kubernetes-source', 'ssh-hosts', 'slack-storm', 'daemon-disk', 'daemon-faults'];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const found = long.findIndex((name) => moduleId.endsWith(`/${name}.e2e.ts`));
      return found < 0 ? long.length : found;
    };
    return [...(await super.sort(files))].sort((a, b) => place(a) - place(b));
  }
}

/**
 * End to end: real peers on loopback ports of their own. Run by `npm run test:e2e`; three files at a time, for they wait
 * far more than they compute.
 */
export default defineConfig({
  test: {
    include: ['test/e2e/**/*.e2e.ts'],
    testTimeout: 120_000,
    hookTimeout: 180_000,
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
  },
});
