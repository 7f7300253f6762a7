// The fixtures with a browser: a page that asks the API, and the hosted checkout.

import type { Page } from "@playwright/test";

import { expect, test } from "orgbilling/playwright";

/** Ids of organizations that tests of this worker had. */
const ids: string[] = [];

async function balance(page: Page, apiUrl: string, headers: Record<string, string>): Promise<string> {
  await page.setContent("<output></output>");
  await page.evaluate(
    async ([url, init]) => {
      const response = await fetch(url, init);
      document.querySelector("output")!.textContent = String((await response.json()).creditBalance);
    },
    [`${apiUrl}/org/billing`, { headers }] as const,
  );
  return page.locator("output").innerText();
}

test.describe("an organization that begins with a scenario", () => {
  test.use({ orgOptions: { scenario: "low-balance", at: "2026-03-10T12:00:00Z" } });

  test("a page sees the low balance", async ({ page, orgbilling, org }) => {
    await page.goto(`${orgbilling.url}/_mock/`);
    expect(await balance(page, orgbilling.apiUrl, await org.headers())).toBe("3.2");
    expect(org.id).toMatch(/^org_a_page_sees_the_low_balance_[0-9a-f]{8}$/);
  });
});

test.describe("one after the other", () => {
  test.describe.configure({ mode: "serial" });

  test("a checkout is paid on its page", async ({ page, orgbilling, org }) => {
    const before = (await org.state()).creditBalance;
    const response = await page.request.post(`${orgbilling.apiUrl}/org/billing/checkout`, {
      headers: await org.headers(),
      data: { amount: 2500 },
    });
    await page.goto((await response.json()).url);
    await expect(page.locator("body")).toContainText("25.00");
    await org.pay();
    expect((await org.state()).creditBalance).toBeCloseTo(before + 25, 6);
    ids.push(org.id);
  });

  test("the organization of the test before is gone", async ({ orgbilling, org }) => {
    expect(org.id).not.toBe(ids[0]);
    await expect(orgbilling.existing(ids[0]!).state()).rejects.toThrow(/404/);
  });
});

test("a test without a page needs none", async ({ org }) => {
  await org.advance("P1M");
  await org.invariants();
});
