/** axe finds nothing on the page in any of its forms, and nothing sticks out on a phone. */

import { createRequire } from "node:module";

import type { Page } from "@playwright/test";

import { expect, NOW, test } from "./fixtures";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

async function violations(page: Page): Promise<string[]> {
  await page.addScriptTag({ path: AXE });
  return page.evaluate(async () => {
    const axe = (window as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } }).axe;
    return (await axe.run()).violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
  });
}

for (const colorScheme of ["light", "dark"] as const) {
  for (const scenario of ["contract-active", "contract-pending", "installment-overdue", "postpaid-over-limit", "hostile-texts", "nulls", "session-expired"]) {
    test.describe(`${scenario} ${colorScheme}`, () => {
      test.use({ colorScheme, orgOptions: { scenario, at: NOW } });
      test(`${scenario} is accessible in ${colorScheme} colors`, async ({ dashboard, page }) => {
        await page.emulateMedia({ reducedMotion: "reduce" });
        await dashboard.open();
        if (scenario === "session-expired") await expect(page.getByRole("alert")).toBeVisible();
        else await dashboard.loaded();
        if (scenario === "contract-active") {
          await dashboard.redeem("NOPE");
          await expect(dashboard.card("Voucher").getByRole("alert")).toBeVisible();
        }
        expect(await violations(page)).toEqual([]);
        for (const width of [360, 768, 1280]) {
          await page.setViewportSize({ width, height: 800 });
          expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
        }
      });
    });
  }
}
