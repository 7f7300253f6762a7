/** What a person must see in each of the 25 states of docs/scenarios.md, a test for each scenario. */

import { dollars, expect, NOW, sum, test } from "./fixtures";

/** A test of a scenario, whose name is the test's title. */
function state(scenario: string, shows: string, body: Parameters<typeof test>[2], at: string | null = NOW): void {
  test.describe(scenario, () => {
    test.use({ orgOptions: { scenario, ...(at !== null && { at }) } });
    test(`${scenario}: ${shows}`, body);
  });
}

// 1 to 7: balances

state("new-organization", "the free credit, and no customer for the portal", async ({ dashboard, page }) => {
  await dashboard.open();
  await expect(page.getByTestId("balance")).toHaveText(dollars((await dashboard.answer("billing")).creditBalance));
  await expect(dashboard.card("Balance").getByRole("status")).toContainText("free credit");
  await expect(page.getByTestId("ledger").getByRole("row").last()).toContainText("Free credit");
  await expect(page.getByTestId("ledger").getByRole("row").last()).toContainText("$10.00");
  await page.getByRole("button", { name: "Invoices and payment method" }).click();
  await expect(dashboard.card("Balance").getByRole("alert")).toBeVisible();
  expect((await dashboard.org.requests({ operation: "createOrgBillingPortal" })).map(({ status }) => status)).toEqual([409]);
});

state("free-credit-used", "zero, and that the free credit is used up", async ({ dashboard, page }) => {
  await dashboard.open();
  await expect(page.getByTestId("balance")).toHaveText("$0.00");
  await expect(dashboard.card("Balance").getByRole("status")).toContainText("free credit is used up");
});

state("low-balance", "3.20 USD, and a warning", async ({ dashboard, page }) => {
  await dashboard.open();
  await expect(page.getByTestId("balance")).toHaveText("$3.20");
  await expect(dashboard.card("Balance").getByRole("status")).toContainText("running low");
});

state("zero-balance", "zero, and that there is no credit left", async ({ dashboard, page }) => {
  await dashboard.open();
  await expect(page.getByTestId("balance")).toHaveText("$0.00");
  await expect(dashboard.card("Balance").getByRole("status")).toContainText("no credit left");
});

state("overdrawn", "a negative balance, and by how much", async ({ dashboard, page }) => {
  await dashboard.open();
  const { creditBalance } = await dashboard.answer("billing");
  expect(creditBalance).toBeLessThan(0);
  await expect(page.getByTestId("balance")).toHaveText(dollars(creditBalance));
  await expect(dashboard.card("Balance").getByRole("status")).toContainText(`overdrawn by ${dollars(-creditBalance)}`);
});

state("postpaid-near-limit", "what is outstanding, and what is left", async ({ dashboard, page }) => {
  await dashboard.open();
  const { outstandingUsd, postpaidLimitUsd } = await dashboard.answer("billing");
  await expect(page.getByTestId("outstanding")).toHaveText(dollars(outstandingUsd));
  await expect(dashboard.card("Balance")).toContainText(`limit of ${dollars(postpaidLimitUsd)}`);
  await expect(dashboard.card("Balance")).toContainText("Postpaid");
  await expect(dashboard.card("Balance").getByRole("status")).toContainText(`${dollars(postpaidLimitUsd - outstandingUsd)} are left`);
});

state("postpaid-over-limit", "by how much the limit is exceeded", async ({ dashboard, page }) => {
  await dashboard.open();
  const { outstandingUsd, postpaidLimitUsd } = await dashboard.answer("billing");
  await expect(page.getByTestId("outstanding")).toHaveText(dollars(outstandingUsd));
  await expect(dashboard.card("Balance").getByRole("status")).toContainText(`${dollars(outstandingUsd - postpaidLimitUsd)} over your limit`);
});

// 8 to 13: contracts

state("contract-pending", "a payment link that can be paid", async ({ dashboard, page, orgbilling }) => {
  await dashboard.open();
  const contract = dashboard.card("Contract");
  await expect(contract).toContainText("Pending payment");
  await contract.getByRole("link", { name: /^Pay \$/ }).click();
  await dashboard.pay();
  await page.waitForURL(/^(?!.*_mock)/);
  await expect(contract).toContainText("Active");
  expect(page.url()).not.toContain(orgbilling.url);
});

state("contract-draft", "that there is nothing to pay yet", async ({ dashboard }) => {
  await dashboard.open();
  await expect(dashboard.card("Contract")).toContainText("Draft");
  await expect(dashboard.card("Contract")).toContainText("nothing to pay yet");
  await expect(dashboard.card("Contract").getByRole("link")).toHaveCount(0);
});

state("contract-active", "the schedule, with what is paid", async ({ dashboard, page }) => {
  await dashboard.open();
  const contract = await dashboard.answer("contract");
  const rows = dashboard.card("Contract").getByRole("row");
  await expect(rows).toHaveCount(contract.paymentSchedule.length + 1);
  const paid = contract.paymentSchedule.filter((payment: { paid: boolean }) => payment.paid);
  await expect(rows.filter({ hasText: "Paid" })).toHaveCount(paid.length);
  await expect(dashboard.fact("Contract", "Paid so far")).toHaveText(dollars(sum(paid.map((payment: { amountUsd: number }) => payment.amountUsd))));
  await expect(dashboard.fact("Contract", "Total value")).toHaveText(dollars(contract.totalValueUsd));
  await expect(dashboard.card("Contract").locator(".badge")).toHaveText("Active");
  await expect(dashboard.card("Contract").getByRole("alert")).toHaveCount(0);
  const dueDay = new Date(contract.paymentSchedule.at(-1).dueDate).getUTCDate();
  await expect(rows.last().getByRole("cell").nth(1)).toContainText(` ${dueDay},`);
  await page.getByLabel("Window").selectOption("365");
  await dashboard.showAllEntries();
  const credits = paid.filter((payment: { creditUsd: number }) => payment.creditUsd > 0);
  await expect(page.getByTestId("ledger").getByRole("row").filter({ hasText: "Contract credit" })).toHaveCount(credits.length);
});

state("contract-ending", "when it ends, and that it does not renew", async ({ dashboard }) => {
  await dashboard.open();
  await expect(dashboard.card("Contract").getByRole("status")).toContainText(/ends on .*, and is not renewed/);
  await expect(dashboard.fact("Contract", "Renewal")).toHaveText("Does not renew");
});

state("contract-renewing", "when it renews itself", async ({ dashboard }) => {
  await dashboard.open();
  await expect(dashboard.card("Contract").getByRole("status")).toContainText("renews itself on");
  await expect(dashboard.fact("Contract", "Renewal")).toHaveText("Renews itself");
});

state("contract-expired", "that it has expired, and a way to subscribe", async ({ dashboard }) => {
  await dashboard.open();
  await expect(dashboard.card("Contract").locator(".badge")).toHaveText("Expired");
  await expect(dashboard.card("Contract").getByRole("button", { name: "Subscribe" })).toBeVisible();
  await expect(dashboard.card("Contract").getByRole("status")).toHaveCount(0);
});

state("contract-cancelled", "that it was cancelled, and no overdue payments", async ({ dashboard }) => {
  await dashboard.open();
  await expect(dashboard.card("Contract").locator(".badge")).toHaveText("Cancelled");
  await expect(dashboard.card("Contract").getByRole("alert")).toHaveCount(0);
});

state("installment-overdue", "which payment is overdue since when", async ({ dashboard }) => {
  await dashboard.open();
  const { paymentSchedule } = await dashboard.answer("contract");
  const overdue = paymentSchedule.filter(({ paid, dueDate }: { paid: boolean; dueDate: string }) => !paid && dueDate < NOW);
  expect(overdue.length).toBeGreaterThan(0);
  await expect(dashboard.card("Contract").getByRole("alert")).toContainText(`Overdue: ${dollars(overdue[0].amountUsd)}`);
  await expect(dashboard.card("Contract").getByRole("row").filter({ hasText: "Overdue" })).toHaveCount(overdue.length);
  const dueDay = new Date(overdue[0].dueDate).getUTCDate();
  await expect(dashboard.card("Contract").getByRole("alert")).toContainText(` ${dueDay}, `);
});

state("no-contract", "no error, and a way to subscribe", async ({ dashboard, page }) => {
  await dashboard.open();
  const contract = dashboard.card("Contract");
  await expect(contract).toContainText("You have no contract.");
  await expect(contract.getByRole("alert")).toHaveCount(0);
  await contract.getByLabel(/Contract number/).fill("11111111-1111-4111-8111-111111111111");
  await contract.getByRole("button", { name: "Subscribe" }).click();
  await dashboard.pay();
  await page.waitForURL(/^(?!.*_mock)/);
  await expect(contract.locator(".badge")).toHaveText("Active");
});

// 14 to 19: data

for (const scenario of ["empty", "nulls"]) {
  state(scenario, "that each list is empty", async ({ dashboard, page }) => {
    await dashboard.open();
    await dashboard.loaded();
    await expect(dashboard.card("Ledger")).toContainText("no entries in this window");
    await expect(dashboard.card("Services")).toContainText("No services were used");
    await expect(dashboard.card("Context engine")).toContainText("no events in this month");
    await expect(dashboard.card("Service agreements")).toContainText("no service agreements");
    await expect(dashboard.card("Prices of models")).toContainText("no prices yet");
    await expect(page.getByRole("alert")).toHaveCount(0);
  });
}

state("dense", "a year of entries, with exact sums", async ({ dashboard, page }) => {
  await dashboard.open();
  await page.getByLabel("Window").selectOption("365");
  const entries: { amountUsd: number; createdAt: string }[] = await dashboard.answer("ledger?days=365");
  const amounts = entries.map((entry) => entry.amountUsd);
  await expect(dashboard.card("Ledger")).toContainText(`${entries.length.toLocaleString("en-US")} entries`);
  await expect(dashboard.fact("Ledger", "Spent")).toHaveText(dollars(-sum(amounts.filter((amount) => amount < 0)), 6));
  await expect(dashboard.fact("Ledger", "Added")).toHaveText(dollars(sum(amounts.filter((amount) => amount > 0)), 6));
  const rows = page.getByTestId("ledger").getByRole("row");
  await expect(rows).toHaveCount(25);
  await page.getByRole("button", { name: /^Show more/ }).click();
  await expect(rows).toHaveCount(125);
  const days = entries.filter(({ amountUsd }) => amountUsd < 0).map(({ createdAt }) => Date.parse(createdAt.slice(0, 10)));
  await expect(dashboard.card("Ledger").locator("rect")).toHaveCount((Math.max(...days) - Math.min(...days)) / 86_400_000 + 1);
});

state("extreme-numbers", "large counts as approximate, small prices with all digits", async ({ dashboard, page }) => {
  await dashboard.open();
  await expect(page.getByTestId("balance")).toHaveText("$9,007,199,254.74");
  await expect(dashboard.fact("Usage", "Tokens")).toHaveText(/^≈ [\d,]+ trillion$/);
  await expect(dashboard.card("Prices of models").getByRole("row").filter({ hasText: "tiny-output" })).toContainText("$0.000000003");
  await expect(dashboard.card("Prices of models").getByRole("row").filter({ hasText: /^free/ })).toContainText("Free");
  await expect(dashboard.card("Services").getByRole("row").filter({ hasText: "Video" })).toContainText("$999,999.999999999");
  await expect(dashboard.card("Context engine").getByRole("row").last()).toContainText(
    dollars((await dashboard.answer("events")).totalChargeUsd, 6),
  );
});

state("hostile-texts", "texts as texts, within the page", async ({ dashboard, page }) => {
  const dialogs: string[] = [];
  page.on("dialog", (dialog) => {
    dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  await dashboard.open();
  await dashboard.loaded();
  await page.getByLabel("Window").selectOption("365");
  await dashboard.loaded();
  const texts: string[] = (await dashboard.answer("ledger?days=365")).map((entry: { description: string }) => entry.description);
  expect(texts.filter((text) => text.includes("<")).length).toBeGreaterThan(0);
  await dashboard.showAllEntries();
  await expect(page.getByTestId("ledger")).toContainText("<");
  await expect(page.locator("main :is(script, iframe, img)")).toHaveCount(0);
  expect(dialogs).toEqual([]);
  const rightToLeft = page.getByTestId("ledger").locator("bdi").filter({ hasText: /[\u0590-\u06ff]/ }).first();
  await expect(rightToLeft).toBeVisible();
  await page.setViewportSize({ width: 360, height: 800 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  const notes = (await dashboard.answer("contract")).notes as string;
  await dashboard.card("Contract").locator("summary").click();
  await expect(dashboard.card("Contract").locator("details > bdi")).toHaveText(notes);
});

state("zero-prices", "a free price list of more than a hundred models", async ({ dashboard }) => {
  await dashboard.open();
  const models = await dashboard.answer("model-pricing");
  const rows = dashboard.card("Prices of models").locator("tbody tr");
  await expect(rows).toHaveCount(models.length);
  await expect(rows.first()).toContainText("FreeFree");
});

state("euro", "dollars of credit, and payments in euros", async ({ dashboard, page }) => {
  await dashboard.open();
  await expect(page.getByTestId("balance")).toHaveText(dollars((await dashboard.answer("billing")).creditBalance));
  await expect(dashboard.card("Balance")).toContainText("payments in EUR");
  await dashboard.addCredit("40.00");
  await expect(page.getByTestId("amount").first()).toContainText("€40.00");
  await dashboard.pay();
  await expect(page.getByText("Payment received")).toBeVisible();
});

// 20 to 23: errors

state("vouchers", "what became of each voucher", async ({ dashboard, page }) => {
  await dashboard.open();
  const voucher = dashboard.card("Voucher");
  const before = (await dashboard.answer("billing")).creditBalance;
  for (const [code, text] of [["NOPE", /not found/], ["OLD10", /expired/], ["USED10", /already been redeemed/], ["FULL10", /limit reached/]] as const) {
    await dashboard.redeem(code);
    await expect(voucher.getByRole("alert")).toContainText(text);
    await expect(page.getByTestId("balance")).toHaveText(dollars(before));
  }
  await dashboard.redeem(" WELCOME50 ");
  await expect(voucher.getByRole("status")).toContainText(`added $50.00. Your balance is ${dollars(sum([before, 50]))}`);
  await expect(voucher.getByRole("alert")).toHaveCount(0);
  await expect(voucher.getByLabel("Code")).toHaveValue("");
  await expect(page.getByTestId("balance")).toHaveText(dollars(sum([before, 50])));
  await expect(page.getByTestId("ledger").getByRole("row").first()).toContainText("$50.00");
});

for (const [scenario, status] of [["stripe-down", 502], ["stripe-unavailable", 503]] as const) {
  state(scenario, "that payments fail, while all else works", async ({ dashboard, page }) => {
    await dashboard.open();
    await dashboard.loaded();
    await expect(page.getByRole("alert")).toHaveCount(0);
    await dashboard.addCredit("25.00");
    await expect(dashboard.card("Balance").getByRole("alert")).toContainText(/payment provider/i);
    const sent = await dashboard.org.requests({ operation: "createOrgBillingCheckout" });
    expect(sent.map((exchange) => exchange.status)).toEqual([status]);
    await expect(dashboard.card("Balance").getByLabel("Amount")).toHaveValue("25.00");
    const button = dashboard.card("Balance").locator("button[type=submit]");
    if (status === 502) {
      await expect(button).toBeEnabled();
    } else {
      await expect(button).toHaveText(/^Again in \d+ s$/);
      await expect(button).toBeDisabled();
      await page.clock.fastForward(31_000);
      await expect(button).toBeEnabled();
    }
  });
}

state("session-expired", "that the session has ended, and nothing else", async ({ dashboard, page }) => {
  await dashboard.open();
  await expect(page.getByRole("heading", { name: "Your session has ended" })).toBeVisible();
  await expect(page.getByRole("alert")).toContainText("expired");
  await expect(page.getByRole("button", { name: "Sign in again" })).toBeVisible();
  await expect(page.getByRole("region")).toHaveCount(0);
  // Each request was made again with a new token once, not for ever.
  expect(await dashboard.requests({ operation: "getOrgBilling" })).toBeLessThanOrEqual(2);
});

state("member", "reading works, and writing is refused in place", async ({ dashboard, page }) => {
  await dashboard.open();
  await dashboard.loaded();
  await dashboard.redeem("WELCOME50");
  await expect(dashboard.card("Voucher").getByRole("alert")).toContainText("organization admin");
  await dashboard.addCredit("25.00");
  await expect(dashboard.card("Balance").getByRole("alert")).toContainText("organization admin");
  await expect(page.getByTestId("balance")).toBeVisible();
});

for (const [scenario, text] of [["no-active-organization", /no active organization/], ["session-pending", /choose an organization/]] as const) {
  state(scenario, "that there is no access, and why", async ({ dashboard, page }) => {
    await dashboard.open();
    await expect(page.getByRole("heading", { name: "You have no access to billing" })).toBeVisible();
    await expect(page.getByRole("alert")).toContainText(text);
    expect(await dashboard.requests({ operation: "getOrgBilling" })).toBe(1);
  });
}

state("rate-limited", "when the page asks again, and no request before", async ({ dashboard, page }) => {
  await dashboard.open();
  await expect(page.getByText(/^Too many requests. The page tries again in \d+ seconds\.$/)).toBeVisible();
  await page.waitForLoadState("networkidle");
  const refused = await dashboard.requests({ status: 429 });
  expect(refused).toBeGreaterThanOrEqual(8);
  await page.clock.fastForward(20_000);
  await expect(page.getByText(/tries again in [1-4]?\d seconds/)).toBeVisible();
  expect(await dashboard.requests({ status: 429 })).toBe(refused);
  await dashboard.org.scenario("low-balance");
  await page.clock.fastForward(45_000);
  await dashboard.loaded();
  await expect(page.getByText(/^Too many requests/)).toHaveCount(0);
});

state("slow", "that it loads, then everything", async ({ dashboard, page }) => {
  await dashboard.open();
  await expect(page.getByText("Loading…").first()).toBeAttached();
  await expect(page.locator("[aria-busy=true]").first()).toBeVisible();
  await dashboard.loaded();
  await expect(page.getByTestId("balance")).toBeVisible();
  await expect(page.getByRole("alert")).toHaveCount(0);
});

state("hanging", "that no answer came in time", async ({ dashboard, page }) => {
  await dashboard.open();
  await expect(page.locator("[aria-busy=true]").first()).toBeVisible();
  await expect(async () => {
    await page.clock.fastForward(16_000);
    await expect(dashboard.card("Balance").getByRole("alert")).toContainText("did not answer in time", { timeout: 1_000 });
  }).toPass();
  await expect(dashboard.card("Balance").getByRole("button", { name: "Try again" })).toBeEnabled();
});

state("truncated", "that the answer was cut off, and a way to try again", async ({ dashboard, page }) => {
  await dashboard.open();
  const problem = dashboard.card("Balance").getByRole("alert");
  await expect(problem).toContainText(/cut off|cannot be read/);
  await dashboard.org.scenario("low-balance");
  await problem.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByTestId("balance")).toHaveText("$3.20");
  await expect(problem).toHaveCount(0);
});

// 24: checkouts

state("checkout-abandoned", "a balance that did not move", async ({ dashboard, page }) => {
  await dashboard.open();
  const before = dollars((await dashboard.answer("billing")).creditBalance);
  await expect(page.getByTestId("balance")).toHaveText(before);
  await dashboard.addCredit("25.00");
  await page.getByTestId("cancel-link").click();
  await expect(page.getByText("The payment was canceled. Nothing was charged.")).toBeVisible();
  await expect(page.getByTestId("balance")).toHaveText(before);
  expect(new URL(page.url()).search).toBe("");
  await page.reload();
  await expect(page.getByTestId("balance")).toHaveText(before);
  await expect(page.getByText(/payment/i).filter({ hasText: /canceled|confirmed/ })).toHaveCount(0);
});

state("checkout-declined", "a balance that did not move", async ({ dashboard, page }) => {
  await dashboard.open();
  const before = dollars((await dashboard.answer("billing")).creditBalance);
  await dashboard.addCredit("25.00");
  await dashboard.pay("4000 0000 0000 0002");
  await expect(page.getByTestId("form-error")).toContainText("declined");
  await page.goto("/");
  await expect(page.getByText(/^Waiting until your payment of \$25.00/)).toBeVisible();
  await page.getByRole("button", { name: "I did not pay" }).click();
  await expect(page.getByText(/^Waiting/)).toHaveCount(0);
  await expect(page.getByTestId("balance")).toHaveText(before);
});

state("checkout-3d-secure", "the credit, once the card is authenticated", async ({ dashboard, page }) => {
  await dashboard.open();
  const before = (await dashboard.answer("billing")).creditBalance;
  await dashboard.addCredit("19.99");
  await dashboard.pay("4000 0025 0000 3155");
  await page.getByTestId("challenge-authorize").click();
  await expect(page.getByText("Payment received: $19.99")).toBeVisible();
  await expect(page.getByTestId("balance")).toHaveText(dollars(sum([before, 19.99])));
});

state("webhook-late", "that the payment is awaited, then the credit", async ({ dashboard, page }) => {
  await dashboard.open();
  const before = (await dashboard.answer("billing")).creditBalance;
  await dashboard.addCredit("40.00");
  await dashboard.pay();
  await expect(page.getByText(/^Waiting until your payment of \$40.00 is confirmed/)).toBeVisible();
  await expect(page.getByTestId("balance")).toHaveText(dollars(before));
  await dashboard.org.advance("PT31S");
  await expect(page.getByText(/^Payment received/)).toBeVisible();
  await expect(page.getByTestId("balance")).toHaveText(dollars((await dashboard.answer("billing")).creditBalance));
});

state("webhook-twice", "the credit once", async ({ dashboard, page }) => {
  await dashboard.open();
  const before = (await dashboard.answer("billing")).creditBalance;
  await dashboard.addCredit("40.00");
  await dashboard.pay();
  await expect(page.getByText("Payment received: $40.00")).toBeVisible();
  await expect(page.getByTestId("balance")).toHaveText(dollars(sum([before, 40])));
  await expect(page.getByTestId("ledger").getByRole("row").filter({ hasText: /^.*\$40\.00$/ })).toHaveCount(1);
});

state("webhook-never", "that the payment is not confirmed yet, without end", async ({ dashboard, page }) => {
  await dashboard.open();
  await dashboard.addCredit("40.00");
  await dashboard.pay();
  await expect(page.getByText(/^Waiting until/)).toBeVisible();
  await page.clock.fastForward(61_000);
  await expect(page.getByText(/not confirmed yet.*need not pay again/)).toBeVisible();
  let asked = -1;
  const grown = async () => asked !== (asked = await dashboard.requests({ operation: "getOrgLedger" }));
  await expect.poll(grown, { message: "what was asked until now has arrived" }).toBe(false);
  await page.clock.fastForward(20_000);
  expect(await dashboard.requests({ operation: "getOrgLedger" })).toBeLessThanOrEqual(asked + 1);
  await page.clock.pauseAt(await page.evaluate(() => Date.now() + 1_000));
  await dashboard.deliverWebhook();
  await page.getByRole("button", { name: "Check again" }).click();
  await page.clock.resume();
  await expect(page.getByText("Payment received: $40.00")).toBeVisible();
});

// 25: calendars

state("month-rollover", "the month of the data, in UTC", async ({ dashboard, page }) => {
  await dashboard.open();
  const before: string = (await dashboard.answer("characters")).month;
  await expect(dashboard.card("Characters")).toContainText(monthName(before));
  await expect(dashboard.card("Services")).toContainText(monthName(before));
  await dashboard.org.advance("PT1S");
  await page.reload();
  const after: string = (await dashboard.answer("characters")).month;
  expect(after).not.toBe(before);
  await expect(dashboard.card("Characters")).toContainText(monthName(after));
  await expect(dashboard.card("Context engine")).toContainText(monthName(after));
}, null);

state("leap-day", "29 February among the days", async ({ dashboard, page }) => {
  await dashboard.open();
  await page.getByLabel("Window").selectOption("7");
  await expect(dashboard.card("Ledger").locator("rect[data-day='2028-02-29']")).toHaveCount(1);
  await expect(dashboard.card("Ledger").locator("rect[data-day='2028-02-28']")).toHaveCount(1);
  await expect(page.getByTestId("ledger")).toContainText("Feb 29, 2028");
}, null);

state("window-edges", "entries on their UTC day, in windows of their length", async ({ dashboard, page }) => {
  await dashboard.open();
  for (const days of [1, 7]) {
    await page.getByLabel("Window").selectOption(`${days}`);
    const entries: { amountUsd: number; createdAt: string }[] = await dashboard.answer(`ledger?days=${days}`);
    await expect(dashboard.card("Ledger")).toContainText(`${entries.length} entries`);
    const spent = new Map<string, number[]>();
    for (const { createdAt, amountUsd } of entries) {
      if (amountUsd < 0) spent.set(createdAt.slice(0, 10), [...(spent.get(createdAt.slice(0, 10)) ?? []), -amountUsd]);
    }
    for (const [day, amounts] of spent) {
      await expect(dashboard.card("Ledger").locator(`rect[data-day='${day}'] title`)).toContainText(dollars(sum(amounts), 6));
    }
  }
}, null);

function monthName(yearAndMonth: string): string {
  return new Date(`${yearAndMonth}-15T00:00:00Z`).toLocaleString("en-US", { month: "long", year: "numeric", timeZone: "UTC" });
}
