/** Pictures for the documentation, where the environment variable `PICTURES` names a folder. */

import { join } from "node:path";

import type { Dashboard } from "./fixtures";
import { expect, NOW, test } from "./fixtures";

const FOLDER = process.env["PICTURES"];

test.skip(FOLDER === undefined, "PICTURES names no folder");
test.use({ viewport: { width: 1280, height: 900 } });

/** A picture of the page at the end of a test. */
function picture(name: string, scenario: string, body: (dashboard: Dashboard) => Promise<void>): void {
  test.describe(name, () => {
    test.use({ orgOptions: { scenario, at: NOW } });
    test(`a picture: ${name}`, async ({ dashboard, page }) => {
      await page.emulateMedia({ reducedMotion: "reduce" });
      await dashboard.open();
      await body(dashboard);
      await page.screenshot({ path: join(FOLDER!, `${name}.png`) });
    });
  });
}

picture("dashboard", "contract-active", (dashboard) => dashboard.loaded());

picture("dashboard-paid", "low-balance", async (dashboard) => {
  await dashboard.loaded();
  await dashboard.addCredit("25.00");
  await dashboard.pay();
  await expect(dashboard.page.getByText("Payment received")).toBeVisible();
  await dashboard.loaded();
});

picture("dashboard-low-balance", "low-balance", (dashboard) => dashboard.loaded());

picture("dashboard-payment", "low-balance", async (dashboard) => {
  await dashboard.addCredit("25.00");
  await expect(dashboard.page.getByTestId("pay-button")).toBeVisible();
});

picture("dashboard-errors", "stripe-unavailable", async (dashboard) => {
  await dashboard.loaded();
  await dashboard.redeem("NOPE");
  await expect(dashboard.card("Voucher").getByRole("alert")).toBeVisible();
  await dashboard.addCredit("25.00");
  await expect(dashboard.card("Balance").getByRole("alert")).toBeVisible();
});

picture("dashboard-session-ended", "session-expired", (dashboard) => expect(dashboard.page.getByRole("alert")).toBeVisible());
