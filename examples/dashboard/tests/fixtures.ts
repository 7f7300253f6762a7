/** The fixtures of the npm package, with the dashboard beside the server. */

import { fileURLToPath } from "node:url";

import type { Locator, Page } from "@playwright/test";
import { test as base, expect } from "orgbilling/playwright";
import type { Organization, RequestQuery, Server } from "orgbilling";
import { preview } from "vite";

export { expect };

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** The instant at which organizations are frozen, so that their amounts are the same in every run. */
export const NOW = "2026-03-10T12:00:00Z";

/** The dashboard in a browser, signed in to the organization of the test. */
export class Dashboard {
  constructor(
    readonly page: Page,
    readonly org: Organization,
    private readonly server: Server,
  ) {}

  /** Open the page; the browser's clock shows the organization's time. */
  async open(path = "/"): Promise<void> {
    await this.page.clock.install({ time: (await this.org.state()).clock.now });
    await this.page.addInitScript((id) => localStorage.setItem("organization", id), this.org.id);
    await this.page.goto(path);
  }

  /** A part of the page, by its heading. */
  card(title: string): Locator {
    return this.page.getByRole("region", { name: title, exact: true });
  }

  /** A label's value in a part of the page. */
  fact(title: string, name: string): Locator {
    const label = this.page.getByText(name, { exact: true });
    return this.card(title).locator(".fact").filter({ has: label }).locator("dd");
  }

  /** Wait until every part has what it shows. */
  async loaded(): Promise<void> {
    await expect(this.card("Prices of models")).toBeVisible();
    await expect(this.page.locator("[aria-busy=true]")).toHaveCount(0);
  }

  /** What the API answers, to compare the page with. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  async answer(path: string): Promise<any> {
    const response = await this.page.request.get(`${this.server.apiUrl}/org/${path}`, { headers: await this.org.headers() });
    return response.json();
  }

  /** How many requests of a kind the server has seen. */
  async requests(query: RequestQuery): Promise<number> {
    return (await this.org.requests({ ...query, limit: 100 })).length;
  }

  async showAllEntries(): Promise<void> {
    await this.loaded();
    const more = this.page.getByRole("button", { name: /^Show more/ });
    while (await more.isVisible()) await more.click();
  }

  /** Let the webhook of the newest checkout arrive, as Stripe's retries do. */
  async deliverWebhook(): Promise<void> {
    await this.server.control.call("POST", `/organizations/${this.org.id}/checkouts/latest/webhook`);
  }

  async redeem(code: string): Promise<void> {
    await this.card("Voucher").getByLabel("Code").fill(code);
    await this.card("Voucher").getByRole("button").click();
  }

  async addCredit(amount: string): Promise<void> {
    await this.card("Balance").getByLabel("Amount").fill(amount);
    await this.card("Balance").getByRole("button", { name: "Add credit" }).click();
  }

  /** Pay on the hosted page, with a test card. */
  async pay(number = "4242 4242 4242 4242"): Promise<void> {
    const card = { number, expiry: "12 / 39", cvc: "123", name: "Ada Lovelace" };
    for (const [name, value] of Object.entries(card)) await this.page.getByTestId(`card-${name}`).fill(value);
    await this.page.getByTestId("pay-button").click();
  }
}

interface TestFixtures {
  dashboard: Dashboard;
}

interface WorkerFixtures {
  /** Where the built dashboard is served, with the server behind it. `DASHBOARD_URL` names one that runs already. */
  site: string;
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  orgOptions: { at: NOW },
  site: [
    async ({ orgbilling }, use) => {
      const running = process.env["DASHBOARD_URL"];
      if (running !== undefined) return use(running);
      process.env["ORGBILLING_URL"] = orgbilling.url;
      const server = await preview({ root: ROOT, logLevel: "error", preview: { port: 0, host: "127.0.0.1" } });
      await use(server.resolvedUrls!.local[0]!);
      await server.close();
    },
    { scope: "worker" },
  ],
  baseURL: ({ site }, use) => use(site),
  dashboard: async ({ page, org, orgbilling, site }, use) => {
    const back = (outcome: string) => `${site}?checkout=${outcome}`;
    const settings = `/organizations/${org.id}/checkout-settings`;
    const { webhookSeconds } = await orgbilling.control.call("GET", settings);
    await orgbilling.control.call("PUT", settings, {
      webhookSeconds,
      successUrl: back("paid"),
      cancelUrl: back("canceled"),
      returnUrl: site,
    });
    await use(new Dashboard(page, org, orgbilling));
  },
});

/** The sum of amounts, counted in millionths. */
export function sum(amounts: number[]): number {
  return amounts.reduce((total, amount) => total + Math.round(amount * 1e6), 0) / 1e6;
}

/** An amount as the page should show it. */
export function dollars(amount: number, digits = 2): string {
  const format = { style: "currency", currency: "USD", minimumFractionDigits: 2, maximumFractionDigits: digits } as const;
  return amount.toLocaleString("en-US", format);
}
