import { defineConfig } from "vitest/config";

export default defineConfig({ test: { globalSetup: "orgbilling/vitest", include: ["test/vitest/*.test.ts"], testTimeout: 60_000 } });
