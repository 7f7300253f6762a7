/**
 * The `globalSetup` of vitest: one server for all test files.
 *
 *     // vitest.config.ts
 *     export default defineConfig({ test: { globalSetup: "orgbilling/vitest" } });
 *
 *     // a test
 *     const { url, token } = inject("orgbilling");
 *     const server = connect(url, token);
 *
 * A setup file of your own passes options: `export default globalSetup({ options: ["--persona", "euro"] })`.
 */

import type { TestProject } from "vitest/node";

import { connectOrStart, type StartOptions } from "./server.js";

/** Where the server of a test run is, for `connect`. */
export interface ProvidedServer {
  url: string;
  /** Its control token; null on loopback. */
  token: string | null;
}

// A reference to the module makes its types known where only this file is imported.
export type { ProvidedContext } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    orgbilling: ProvidedServer;
  }
}

/** A global setup that starts a server, unless `ORGBILLING_URL` names one, and stops it after the last test. */
export function globalSetup(start: StartOptions = {}): (project: TestProject) => Promise<() => Promise<void>> {
  return async (project) => {
    const server = await connectOrStart(start);
    project.provide("orgbilling", { url: server.url, token: server.token });
    return () => server.stop();
  };
}

export default globalSetup();
