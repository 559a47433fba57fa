import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/e2e/**', 'node_modules/**'],
    // Many tests wait for a server, a process or a clock: with one worker for each core the machine is half idle.
    maxWorkers: 3,
    // Whole simulated nights, on a loaded machine; nothing here is judged by its speed.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
