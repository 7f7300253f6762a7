/**
 * `test` of Playwright with the fixtures `orgbilling`, a running server for each worker, and `org`, an organization of
 * the test's own.
 *
 *     import { test, expect } from "orgbilling/playwright";
 *
 *     test.use({ orgOptions: { scenario: "low-balance" } });
 *     test("a low balance warns", async ({ page, org }) => { … });
 */

import { test as base } from "@playwright/test";

import type { Organization } from "./organization.js";
import { organizationId } from "./organization-id.js";
import { connectOrStart, type OrganizationOptions, type Server, type StartOptions } from "./server.js";

const START_TIMEOUT_MS = 180_000;

/** What a test gets. */
export interface OrgFixtures {
  /** How the organization of a test begins; set it with `test.use`. */
  orgOptions: OrganizationOptions;
  /** An organization of this test's own; it and its fault rules are gone after the test. */
  org: Organization;
}

/** What a worker gets. */
export interface ServerFixtures {
  /** How the server is started; set it in the configuration, under `use`. */
  orgbillingOptions: StartOptions;
  /** A running server on a free port. `ORGBILLING_URL` (and `ORGBILLING_CONTROL_TOKEN`) names one that runs already. */
  orgbilling: Server;
}

export const test = base.extend<OrgFixtures, ServerFixtures>({
  orgbillingOptions: [{}, { option: true, scope: "worker" }],
  orgbilling: [
    async ({ orgbillingOptions }, use) => {
      const server = await connectOrStart(orgbillingOptions);
      await use(server);
      await server.stop();
    },
    { scope: "worker", timeout: START_TIMEOUT_MS },
  ],
  orgOptions: [{}, { option: true }],
  org: async ({ orgbilling, orgOptions }, use, testInfo) => {
    const attempt = `${testInfo.testId}/${testInfo.repeatEachIndex}/${testInfo.retry}`;
    const org = await orgbilling.organization(organizationId(testInfo.title, attempt), orgOptions);
    await use(org);
    await org.delete();
  },
});

export { expect } from "@playwright/test";
