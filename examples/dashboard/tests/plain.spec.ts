/**
 * What any team tests first: the data that is there, and each command once, with one organization in its usual state.
 * No scenario is shown and nothing fails; `orgbilling coverage --missing` then names what `states.spec.ts` shows.
 */

import { dollars, expect, sum, test } from "./fixtures";

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

test("another window shows its own entries from the beginning", async ({ dashboard, page }) => {
  await dashboard.open();
  await dashboard.loaded();
  await page.getByRole("button", { name: /^Show more/ }).click();
  await page.getByLabel("Window").selectOption("90");
  const entries = await dashboard.answer("ledger?days=90");
  await expect(dashboard.card("Ledger")).toContainText(`${entries.length} entries`);
  await expect(page.getByTestId("ledger").getByRole("row")).toHaveCount(25);
});

test("a voucher adds its credit", async ({ dashboard, page }) => {
  await dashboard.open();
  const before = (await dashboard.answer("billing")).creditBalance;
  await expect(page.getByTestId("balance")).toHaveText(dollars(before));
  await dashboard.redeem("WELCOME50");
  await expect(dashboard.card("Voucher").getByRole("status")).toContainText("added $50.00");
  await expect(page.getByTestId("balance")).toHaveText(dollars(sum([before, 50])));
});

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
