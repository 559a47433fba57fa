import { defineConfig } from 'vitest/config';

/** End to end: real peers on loopback ports. Run by `npm run test:e2e`; files one after the other, for they share a machine. */
export default defineConfig({
  test: {
    include: ['test/e2e/**/*.e2e.ts'],
    testTimeout: 120_000,
    hookTimeout: 180_000,
    fileParallelism: false,
  },
});
