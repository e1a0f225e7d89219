import { defineConfig } from "vitest/config";

// The built window with the fake till behind it, in a real browser. `npm run test:browser` builds it first.
export default defineConfig({
  test: {
    environment: "node",
    include: ["tests/browser/**/*.test.ts"],
    globalSetup: ["./tests/browser/serve.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});
