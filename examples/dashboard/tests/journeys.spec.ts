/**
 * What the states alone do not meet (`orgbilling coverage` shows it): refusals of what the user typed, a token that
 * expires, commands that are sent twice, a connection that goes away.
 */

import { createServer } from "vite";

import { Dashboard, dollars, expect, sum, test } from "./fixtures";

test("two clicks are one command", async ({ dashboard, page }) => {
  await dashboard.org.fault({ latency: { ms: 1_500 }, operations: ["redeemOrgVoucher", "createOrgBillingCheckout"], times: null });
  await dashboard.open();
  await dashboard.org.voucher("ONCE", "10.00");
  await dashboard.card("Voucher").getByLabel("Code").fill("ONCE");
  await page.evaluate(() => {
    const button = document.querySelector<HTMLButtonElement>("form:has(#code) button")!;
    button.click();
    button.click();
  });
  await expect(dashboard.card("Voucher").locator("button")).toBeDisabled();
  await expect(dashboard.card("Voucher").getByRole("status")).toContainText("added $10.00");
  expect(await dashboard.requests({ operation: "redeemOrgVoucher" })).toBe(1);
  await page.evaluate(() => {
    const button = document.querySelector<HTMLButtonElement>("form:has(#amount) button")!;
    button.click();
    button.click();
  });
  await expect(page.getByTestId("pay-button")).toBeVisible();
  expect(await dashboard.requests({ operation: "createOrgBillingCheckout" })).toBe(1);
});

test("an attempt that failed is repeated under its key, and counts once", async ({ dashboard, page }) => {
  await dashboard.open();
  await dashboard.org.voucher("AGAIN", "10.00");
  const keys: (string | undefined)[] = [];
  page.on("request", (request) => request.url().endsWith("/redeem") && keys.push(request.headers()["idempotency-key"]));
  const before = (await dashboard.answer("billing")).creditBalance;
  await dashboard.org.fault({ truncateBytes: -1, operations: ["redeemOrgVoucher"] });
  await dashboard.redeem("AGAIN");
  await expect(dashboard.card("Voucher").getByRole("alert")).toBeVisible();
  await expect(dashboard.card("Voucher").getByLabel("Code")).toHaveValue("AGAIN");
  await dashboard.redeem("AGAIN");
  await expect(dashboard.card("Voucher").getByRole("status")).toContainText("added $10.00");
  await expect(page.getByTestId("balance")).toHaveText(dollars(sum([before, 10])));
  await dashboard.redeem("AGAIN");
  await expect(dashboard.card("Voucher").getByRole("alert")).toContainText("already been redeemed");
  expect(keys).toHaveLength(3);
  expect(keys[0]).toBe(keys[1]);
  expect(keys[2]).not.toBe(keys[1]);
});

test("a token that expires is renewed, and the user does not notice", async ({ dashboard, page }) => {
  await dashboard.open();
  await dashboard.loaded();
  await dashboard.org.fault({ status: 401, operations: ["redeemOrgVoucher"], times: 1 });
  await dashboard.org.voucher("RENEWED", "10.00");
  await dashboard.redeem("RENEWED");
  await expect(dashboard.card("Voucher").getByRole("status")).toContainText("added $10.00");
  const sent = await dashboard.org.requests({ operation: "redeemOrgVoucher" });
  expect(sent.map(({ status }) => status)).toEqual([200, 401]);
  await expect(page.getByRole("alert")).toHaveCount(0);
});

test("a session that ends in between is noticed by a command, too", async ({ dashboard, page }) => {
  await dashboard.open();
  await dashboard.loaded();
  await dashboard.org.fault({ status: 401, operations: ["redeemOrgVoucher"], times: null });
  await dashboard.redeem("WELCOME50");
  await expect(page.getByRole("heading", { name: "Your session has ended" })).toBeVisible();
  await expect(page.getByTestId("balance")).toHaveCount(0);
});

test("tokens are asked for before they expire, not for each request", async ({ dashboard, page }) => {
  const minted: string[] = [];
  page.on("request", (request) => request.url().endsWith("/tokens") && minted.push(request.url()));
  await dashboard.open();
  await dashboard.loaded();
  const atFirst = minted.length;
  await dashboard.redeem("NOPE");
  await expect(dashboard.card("Voucher").getByRole("alert")).toBeVisible();
  expect(minted.length).toBe(atFirst);
  await page.clock.fastForward(55_000);
  await dashboard.redeem("NOPE2");
  await expect.poll(() => minted.length).toBeGreaterThan(atFirst);
});

test("a refused subscription says why", async ({ dashboard }) => {
  await dashboard.org.scenario("contract-expired");
  await dashboard.open();
  const contract = dashboard.card("Contract");
  await contract.getByLabel(/Contract number/).fill("not a contract");
  await contract.getByRole("button", { name: "Subscribe" }).click();
  await expect(contract.getByRole("alert")).toContainText("body.contractId");
  await contract.getByLabel(/Contract number/).fill("44444444-4444-4444-8444-444444444444");
  await contract.getByRole("button", { name: "Subscribe" }).click();
  await expect(contract.getByRole("alert")).toContainText(/expired/i);
});

test("a voucher that was refused can be redeemed once it exists, as it was typed", async ({ dashboard }) => {
  await dashboard.open();
  const voucher = dashboard.card("Voucher");
  await dashboard.redeem("Late-Start");
  await expect(voucher.getByRole("alert")).toContainText("not found");
  await dashboard.org.voucher("Late-Start", "10.00");
  await dashboard.redeem("Late-Start");
  await expect(voucher.getByRole("status")).toContainText("added $10.00");
});

test("a payment in yen has no hundredths", async ({ dashboard, page }) => {
  const profile = await dashboard.answer("billing");
  await page.route("**/api/v1/org/billing", (route) => route.fulfill({ json: { ...profile, currency: "JPY" } }));
  await dashboard.open();
  const sent = page.waitForRequest("**/billing/checkout");
  await dashboard.addCredit("5,000");
  expect((await sent).postDataJSON()).toEqual({ amount: 5000, currency: "JPY" });
  await expect(page.getByTestId("amount").first()).toContainText("¥5,000");
});

test("a charge is what the API says, not count times price", async ({ dashboard, page }) => {
  const usage = await dashboard.answer("service-usage");
  const [first, ...others] = usage.byOperation;
  const discounted = { ...first, chargeUsd: 0.123456 };
  await page.route("**/api/v1/org/service-usage*", (route) => route.fulfill({ json: { ...usage, byOperation: [discounted, ...others] } }));
  await dashboard.open();
  await expect(dashboard.card("Services").locator("tbody").getByRole("row").first()).toContainText("$0.123456");
});

test("a short failure is not shown, a long one can be tried again", async ({ dashboard, page }) => {
  await dashboard.org.fault({ status: 500, operations: ["getOrgBilling"], times: 1 });
  await dashboard.org.fault({ status: 500, operations: ["getOrgModelPricing"], times: 3 });
  await dashboard.open();
  await expect(dashboard.card("Prices of models").getByRole("alert")).toBeVisible();
  await expect(page.getByTestId("balance")).toBeVisible();
  await expect(page.getByRole("alert")).toHaveCount(1);
  await expect(dashboard.card("Prices of models").getByRole("alert")).toContainText(/Reference \w+/);
  expect(await dashboard.requests({ operation: "getOrgModelPricing" })).toBe(3);
  await dashboard.card("Prices of models").getByRole("button", { name: "Try again" }).click();
  await expect(dashboard.card("Prices of models").getByRole("row")).not.toHaveCount(0);
  await expect(page.getByRole("alert")).toHaveCount(0);
});

test("a payment that is due (402) says so", async ({ dashboard }) => {
  await dashboard.org.fault({ status: 402, detail: "payment required", operations: ["getOrgUsageSummary"], times: null, rule: { force: true } });
  await dashboard.open();
  await expect(dashboard.card("Usage").getByRole("alert")).toContainText("Payment required.");
  expect(await dashboard.requests({ operation: "getOrgUsageSummary" })).toBe(1);
});

test("a page that a gateway sends instead is no crash", async ({ dashboard, page }) => {
  await page.route("**/api/v1/org/usage-summary", (route) => route.fulfill({ status: 413, contentType: "text/html", body: "<h1>Too large</h1>" }));
  await page.route("**/api/v1/org/events*", (route) => route.fulfill({ status: 200, contentType: "text/html", body: "<h1>Welcome</h1>" }));
  await dashboard.open();
  await expect(dashboard.card("Usage").getByRole("alert")).toContainText("status 413");
  await expect(dashboard.card("Context engine").getByRole("alert")).toContainText("cannot be read");
  await expect(page.getByTestId("balance")).toBeVisible();
});

test("offline is said, what was read stays, and a command fails in words", async ({ dashboard, page, context }) => {
  await dashboard.open();
  await dashboard.loaded();
  const shown = await page.getByTestId("balance").textContent();
  await context.setOffline(true);
  await expect(page.getByText("You are offline.", { exact: false })).toBeVisible();
  await dashboard.redeem("WELCOME50");
  await expect(dashboard.card("Voucher").getByRole("alert")).toContainText("You are offline.");
  await expect(page.getByTestId("balance")).toHaveText(shown!);
  await context.setOffline(false);
  await expect(page.getByText("The page shows what it read last", { exact: false })).toHaveCount(0);
  await dashboard.redeem("WELCOME50");
  await expect(dashboard.card("Voucher").getByRole("status")).toContainText("added $50.00");
});

test("a link that is no web page is not offered", async ({ dashboard, page }) => {
  await dashboard.org.scenario("contract-pending");
  const contract = await dashboard.answer("contract");
  await page.route("**/api/v1/org/contract", (route) => route.fulfill({ json: { ...contract, paymentLinkUrl: "javascript:alert(1)" } }));
  await dashboard.open();
  await expect(dashboard.card("Contract")).toContainText("first payment");
  await expect(dashboard.card("Contract").getByRole("link")).toHaveCount(0);
});

test("entries are newest first, whatever order they come in", async ({ dashboard, page }) => {
  const entries: { createdAt: string }[] = await dashboard.answer("ledger?days=30");
  await page.route("**/api/v1/org/ledger?days=30", (route) => route.fulfill({ json: [...entries].reverse() }));
  await dashboard.open();
  const newest = [...entries].map(({ createdAt }) => createdAt).sort().at(-1)!;
  await expect(page.getByTestId("ledger").getByRole("row").first()).toContainText(`${newest.slice(11, 16)} UTC`);
});

test("without a proxy, the API is asked from another origin", async ({ page, org, orgbilling }) => {
  const server = await createServer({
    logLevel: "error",
    define: { "import.meta.env.VITE_API_ORIGIN": JSON.stringify(orgbilling.url) },
    server: { port: 0, host: "127.0.0.1", proxy: {} },
  });
  await server.listen();
  try {
    const dashboard = new Dashboard(page, org, orgbilling);
    await dashboard.open(server.resolvedUrls!.local[0]);
    await expect(page.getByTestId("balance")).toHaveText(dollars((await dashboard.answer("billing")).creditBalance));
    await dashboard.redeem("TEST-CREDIT-25-cors");
    await expect(dashboard.card("Voucher").getByRole("status")).toContainText("added $25.00");
    await dashboard.org.fault({ status: 429, retryAfterSeconds: 20, operations: ["redeemOrgVoucher"] });
    await dashboard.redeem("NOPE");
    await expect(dashboard.card("Voucher").getByRole("alert")).toBeVisible();
  } finally {
    await server.close();
  }
});
