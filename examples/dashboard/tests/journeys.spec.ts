/**
 * What the states alone do not meet (`orgbilling coverage` shows it): refusals of what the user typed, a token that
 * expires, commands that are sent twice, a connection that goes away.
 */

import { createServer } from "vite";

import { Dashboard, dollars, expect, sum, test } from "./fixtures";

test("a payment is credited, and the balance is the new one", async ({ dashboard, page }) => {
  await dashboard.open();
  await dashboard.loaded();
  const before = (await dashboard.answer("billing")).creditBalance;
  await dashboard.addCredit("1,019.99");
  await expect(page.getByTestId("amount").first()).toContainText("$1,019.99");
  await dashboard.pay();
  await expect(page.getByText("Payment received: $1,019.99 was added to your balance.")).toBeVisible();
  await expect(page.getByTestId("balance")).toHaveText(dollars(sum([before, 1019.99])));
  await expect(page.getByTestId("ledger").getByRole("row").first()).toContainText("$1,019.99");
  await dashboard.org.invariants();
  await page.reload();
  await expect(page.getByTestId("balance")).toBeVisible();
  await expect(page.getByText(/^Payment received|^Waiting/)).toHaveCount(0);
});

test("the portal opens, and leads back", async ({ dashboard, page, site }) => {
  await dashboard.open();
  await page.getByRole("button", { name: "Invoices and payment method" }).click();
  await expect(page.getByTestId("portal-page")).toBeVisible();
  await page.getByTestId("return-link").click();
  await expect(page).toHaveURL(site);
});

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

test("an amount that is none is said at its field, and not sent", async ({ dashboard, page }) => {
  await dashboard.open();
  const field = dashboard.card("Balance").getByLabel("Amount");
  for (const amount of ["", "abc", "-5", "0", "1.234", "1e3", "1,00"]) {
    await dashboard.addCredit(amount);
    await expect(dashboard.card("Balance").getByRole("alert")).toContainText("Enter an amount");
    await expect(field).toHaveAttribute("aria-invalid", "true");
  }
  expect(await dashboard.requests({ operation: "createOrgBillingCheckout" })).toBe(0);
  await dashboard.addCredit("0.10");
  await expect(dashboard.card("Balance").getByRole("alert")).toContainText("expected number >= 50");
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await dashboard.addCredit("0.57");
  await expect(page.getByTestId("amount").first()).toContainText("$0.57");
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

test("another window shows its own entries from the beginning", async ({ dashboard, page }) => {
  await dashboard.open();
  await dashboard.loaded();
  await page.getByRole("button", { name: /^Show more/ }).click();
  await page.getByLabel("Window").selectOption("90");
  const entries = await dashboard.answer("ledger?days=90");
  await expect(dashboard.card("Ledger")).toContainText(`${entries.length} entries`);
  await expect(page.getByTestId("ledger").getByRole("row")).toHaveCount(25);
});

test("what is shown is what the API answers", async ({ dashboard }) => {
  await dashboard.open();
  await dashboard.loaded();
  const [summary, services, events, characters, agreements, models, profile] = await Promise.all(
    ["usage-summary", "service-usage", "events", "characters", "service-agreements", "model-pricing", "billing"].map((path) => dashboard.answer(path)),
  );
  for (const [name, member] of [["Tokens", "totalTokens"], ["Input tokens", "totalInputTokens"], ["Output tokens", "totalOutputTokens"], ["Messages", "totalMessages"], ["Sessions", "totalSessions"], ["Projects", "totalProjects"]] as const) {
    await expect(dashboard.fact("Usage", name)).toHaveText(summary[member].toLocaleString("en-US"));
  }
  await expect(dashboard.fact("Usage", "Estimated cost")).toHaveText(dollars(summary.estimatedCostUsd));
  await expect(dashboard.fact("Characters", "Most at a time")).toHaveText(`${characters.highWaterMark}`);
  await expect(dashboard.fact("Characters", "Charge")).toHaveText(dollars(characters.charChargeUsd, 6));
  await expect(dashboard.fact("Characters", "Price of each")).toHaveText(dollars(characters.pricePerCharUsd, 12));
  for (const { operation, count, unitPriceUsd, chargeUsd } of services.byOperation.filter(({ operation }: { operation: string }) => operation.includes("_"))) {
    const row = dashboard.card("Services").getByRole("row").filter({ hasText: operation.split("_")[1]! });
    await expect(row).toContainText(`${count.toLocaleString("en-US")}${dollars(unitPriceUsd, 12)}${dollars(chargeUsd, 6)}`);
  }
  await expect(dashboard.card("Services").getByRole("row").last()).toContainText(`${services.totalEvents.toLocaleString("en-US")}${dollars(services.totalChargeUsd, 6)}`);
  await expect(dashboard.card("Context engine").getByRole("row").last()).toContainText(dollars(events.totalChargeUsd, 6));
  for (const { description, amountUsd, projectName } of agreements) {
    const row = dashboard.card("Service agreements").getByRole("row").filter({ hasText: description }).first();
    await expect(row).toContainText(dollars(amountUsd));
    await expect(row).toContainText(projectName ?? "All projects");
  }
  for (const { model, inputPricePer1K, outputPricePer1K } of models) {
    const row = dashboard.card("Prices of models").getByRole("row").filter({ has: dashboard.page.getByText(model, { exact: true }) });
    await expect(row).toContainText(`${dollars(inputPricePer1K, 12)}${dollars(outputPricePer1K, 12)}`);
  }
  const updated = new Date(profile.updatedAt).toISOString().slice(11, 16);
  await expect(dashboard.card("Balance")).toContainText(`${updated} UTC`);
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
