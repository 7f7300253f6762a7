/**
 * `test` of vitest with the fixtures `orgbilling`, the server of the global setup `orgbilling/vitest`, and `org`, an
 * organization of the test's own.
 *
 *     import { expect, orgTest, test } from "orgbilling/vitest/fixtures";
 *
 *     test("a voucher is redeemed", async ({ orgbilling, org }) => { … });
 *
 *     orgTest({ scenario: "low-balance" })("a low balance is answered", async ({ org }) => { … });
 */

import { inject, test as base, type TestAPI } from "vitest";

import type { Organization } from "./organization.js";
import { organizationId } from "./organization-id.js";
import { connect, type OrganizationOptions, type Server } from "./server.js";
import type {} from "./vitest.js";

/** What a test gets. */
export interface OrgFixtures {
  /** The server of the global setup. */
  orgbilling: Server;
  /** An organization of this test's own; it and its fault rules are gone after the test. */
  org: Organization;
}

/** A `test` whose organizations begin as the options say. */
export function orgTest(options: OrganizationOptions = {}): TestAPI<OrgFixtures> {
  return base.extend<OrgFixtures>({
    orgbilling: async ({}, use) => {
      const { url, token } = inject("orgbilling");
      await use(connect(url, token));
    },
    org: async ({ orgbilling, task }, use) => {
      const attempt = `${task.id}/${task.result?.repeatCount ?? 0}/${task.result?.retryCount ?? 0}`;
      const org = await orgbilling.organization(organizationId(task.name, attempt), options);
      await use(org);
      await org.delete();
    },
  });
}

export const test = orgTest();

export { expect } from "vitest";
