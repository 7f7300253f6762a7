import { defineConfig } from "@playwright/test";

const executablePath = process.env["CHROMIUM"];
/** A browser that runs already. */
const wsEndpoint = process.env["BROWSER_URL"];

export default defineConfig({
  testDir: "tests",
  fullyParallel: true,
  workers: Number(process.env["WORKERS"] ?? 2),
  reporter: [["line"], ["json", { outputFile: process.env["REPORT"] ?? "test-results/report.json" }]],
  timeout: 90_000,
  expect: { timeout: Number(process.env["EXPECT_TIMEOUT_MS"] ?? 20_000) },
  use: {
    // Far from UTC, so that a date in local time is a wrong date.
    timezoneId: "America/Los_Angeles",
    locale: "en-US",
    ...(wsEndpoint !== undefined && { connectOptions: { wsEndpoint } }),
    launchOptions: { ...(executablePath !== undefined && { executablePath }), args: ["--no-sandbox", "--disable-gpu"] },
  },
});
