// Tests of vitest, with the server of the global setup and an organization each.

import { expect, orgTest, test } from "orgbilling/vitest/fixtures";

const ids: string[] = [];

test("an organization of its own is put into a state", async ({ orgbilling, org }) => {
  await org.scenario("low-balance");
  const response = await fetch(`${orgbilling.apiUrl}/org/billing`, { headers: await org.headers() });
  expect((await response.json()).creditBalance).toBeLessThan(5);
  expect(org.id).toMatch(/^org_an_organization_of_its_own_is_put_into_a_[0-9a-f]{8}$/);
  ids.push(org.id);
});

test("the organization of the test before is gone", async ({ orgbilling, org }) => {
  expect(org.id).not.toBe(ids[0]);
  await expect(orgbilling.existing(ids[0]!).state()).rejects.toThrow(/404/);
});

const lowTest = orgTest({ scenario: "low-balance", at: "2026-03-10T12:00:00Z" });

lowTest("an organization begins with a scenario", async ({ org }) => {
  const state = await org.state();
  expect(state.scenario).toBe("low-balance");
  expect(state.clock.now).toBe("2026-03-10T12:00:00Z");
  expect(state.creditBalance).toBe(3.2);
});
