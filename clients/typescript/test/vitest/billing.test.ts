// A test of vitest, with the server of the global setup.

import { connect } from "orgbilling";
import type {} from "orgbilling/vitest";
import { expect, inject, test as base } from "vitest";

const { url, token } = inject("orgbilling");
const server = connect(url, token);

const test = base.extend<{ org: Awaited<ReturnType<typeof server.organization>> }>({
  org: async ({}, use) => {
    const org = await server.organization();
    await use(org);
    await org.delete();
  },
});

test("a low balance is answered", async ({ org }) => {
  await org.scenario("low-balance");
  const response = await fetch(`${server.apiUrl}/org/billing`, { headers: await org.headers() });
  expect((await response.json()).creditBalance).toBeLessThan(5);
});
