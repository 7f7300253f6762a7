import { defineConfig } from "@playwright/test";

const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

export default defineConfig({
  testDir: ".",
  outputDir: process.env["PLAYWRIGHT_OUTPUT"] ?? "../../test-results",
  fullyParallel: true,
  workers: 2,
  reporter: "line",
  use: { launchOptions: { executablePath, args: ["--no-sandbox", "--disable-gpu"] } },
});
