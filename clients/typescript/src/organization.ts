/** One organization of a running stub: its token, scenario, clock, faults, checkouts and snapshots. */

import { type ControlApi, type JsonObject, pathSegment } from "./control-api.js";
import type { CompletedCheckout, CreatedVoucher, Exchange, Fault, InvariantResult, OrganizationState } from "./types.js";

/** RFC 3339 text, a date as text (its first instant, UTC), or a Date. */
export type Instant = string | Date;

/** ISO 8601 (`P1M`), words (`1 month`, `-2d`), or a number of milliseconds. */
export type Duration = string | number;

/** A way in which a token can be bad. */
export type BadToken =
  | "expired"
  | "not-yet-valid"
  | "wrong-key"
  | "unknown-kid"
  | "wrong-azp"
  | "no-org"
  | "pending"
  | "member"
  | "alg-none"
  | "hs256"
  | "garbage";

/** Which token to mint. */
export interface TokenOptions {
  /** `admin` (the default) or `member`. */
  role?: string;
  ttlSeconds?: number;
  /** How the token is to be refused. */
  bad?: BadToken;
}

/** Which requests fail, and how: further members are one effect with its value, as in docs/faults.md. */
export interface FaultOptions {
  /** Ids of operations; all of them by default. */
  operations?: readonly string[];
  /** How often; 1 by default. null: until the rule is removed. */
  times?: number | null;
  /** Further members of the rule, such as `every`. */
  rule?: JsonObject;
  [effect: string]: unknown;
}

/** How a checkout is paid. */
export interface PayOptions {
  /** The number of one of Stripe's test cards, which says how the payment ends; without it, it succeeds. */
  card?: string;
  /** Seconds until Stripe's webhook arrives, 0 by default. null: it never does. */
  webhook?: number | null;
}

/** Which requests of the journal. */
export interface RequestQuery {
  operation?: string;
  status?: number | string;
  since?: string;
  limit?: number;
  summary?: boolean;
}

/** A state of an organization that can be restored. */
export class Snapshot {
  constructor(
    readonly name: string,
    private readonly restoreIt: () => Promise<OrganizationState>,
  ) {}

  /** Bring the organization back to this state. */
  restore(): Promise<OrganizationState> {
    return this.restoreIt();
  }

  /** With `await using`, the state is restored at the end of the block, however it ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.restore();
  }
}

/** An organization. Methods reject with ControlError for what the server refuses. */
export class Organization {
  private readonly path: string;

  constructor(
    private readonly control: ControlApi,
    readonly id: string,
  ) {
    this.path = `/organizations/${pathSegment(id)}`;
  }

  /** Persona, scenario, clock and balance, as `GET /_mock/v1/organizations/{organization}` has them. */
  state(): Promise<OrganizationState> {
    return this.call("GET");
  }

  /** A session token of a user of this organization. */
  async token({ role, ttlSeconds, bad }: TokenOptions = {}): Promise<string> {
    return (await this.call<{ token: string }>("POST", "/tokens", { role, ttlSeconds, bad })).token;
  }

  /** The request headers that authorize a request to the API. */
  async headers(options: TokenOptions = {}): Promise<{ Authorization: string }> {
    return { Authorization: `Bearer ${await this.token(options)}` };
  }

  /** Show a state of the dashboard: `low-balance`, in any spelling, or a number. The state after it. */
  scenario(name: string | number): Promise<OrganizationState> {
    return this.call("PUT", "/scenario", { scenario: String(name) });
  }

  /** Stop the clock, at an instant or at the present one. The state after it. */
  async freeze(at?: Instant): Promise<OrganizationState> {
    const instant = at ?? (await this.state()).clock.now;
    return this.call("PUT", "/clock", { mode: "frozen", at: instantText(instant) });
  }

  /** Move the clock; usage, charges and installments happen on the way. The state after it. */
  advance(by: Duration): Promise<OrganizationState> {
    return this.call("POST", "/clock/advance", { by: durationText(by) });
  }

  /** Move the clock to an instant, or to `end-of-month`, `contract-end`, `next-installment`, …. */
  jump(to: Instant): Promise<OrganizationState> {
    return this.call("POST", "/clock/jump", { to: instantText(to) });
  }

  /** Let the next request fail: `org.fault({status: 503})`, `org.fault({hangMs: 2000, operations: […]})`. */
  fault({ operations, times = 1, rule, ...effect }: FaultOptions): Promise<Fault> {
    return this.control.call("POST", "/faults", { ...rule, operations, times, effect, organizations: [this.id] });
  }

  /** Remove the fault rules that concern this organization alone. */
  async clearFaults(): Promise<void> {
    await this.control.call("DELETE", "/faults", undefined, { organization: this.id });
  }

  /**
   * Pay in a hosted checkout, as its page would. The session after it, with the new balance.
   *
   * `url` is the checkout's address or session id; `latest` is the newest.
   */
  pay(url: string = "latest", { card, webhook = 0 }: PayOptions = {}): Promise<CompletedCheckout> {
    const session = url.replace(/[?#].*$/, "").replace(/\/+$/, "").split("/").at(-1) ?? "";
    const body = {
      outcome: card === undefined ? "paid" : undefined,
      card,
      webhookSeconds: webhook === null ? [] : [webhook],
    };
    return this.call("POST", `/checkouts/${pathSegment(session)}/complete`, body);
  }

  /** Take a snapshot. `await using snapshot = await org.snapshot()` restores it at the end of the block. */
  async snapshot(name: string = "snapshot"): Promise<Snapshot> {
    await this.call("POST", "/snapshots", { name });
    return new Snapshot(name, () => this.call("POST", `/snapshots/${pathSegment(name)}/restore`));
  }

  /** Take back the last command. */
  undo(): Promise<OrganizationState> {
    return this.call("POST", "/undo");
  }

  /** Begin the history of its persona anew, as of the present instant; its fault rules are dropped. */
  reset(): Promise<OrganizationState> {
    return this.call("POST", "/reset");
  }

  /** Remove the organization with its fault rules. */
  async delete(): Promise<void> {
    await this.call("DELETE");
  }

  /** Create a voucher that can be redeemed for an amount in USD, such as `"12.50"`. */
  voucher(code: string, creditUsd: string | number): Promise<CreatedVoucher> {
    return this.call("POST", "/vouchers", { code, creditUsd });
  }

  /** The requests of this organization that the journal has, newest first. */
  async requests(query: RequestQuery = {}): Promise<Exchange[]> {
    const parameters = { organization: this.id, ...query };
    return (await this.control.call<{ exchanges: Exchange[] }>("GET", "/journal", undefined, parameters)).exchanges;
  }

  /** The next request to an operation, or to any. Rejects with ControlError when none comes in time. */
  waitForRequest(operation?: string, { timeoutSeconds = 10 }: { timeoutSeconds?: number } = {}): Promise<Exchange> {
    const query = { organization: this.id, operation, timeout: timeoutSeconds };
    return this.control.call("GET", "/journal/wait", undefined, query);
  }

  /** Throw an Error, naming them, when equations of the ledger or of the usage do not hold. */
  async invariants(): Promise<void> {
    interface Report {
      organizations: [{ holds: boolean; invariants: InvariantResult[] }];
    }
    const [{ holds, invariants }] = (await this.call<Report>("GET", "/invariants")).organizations;
    if (holds) return;
    const broken = invariants.filter(({ verdict }) => verdict === "broken");
    throw new Error(broken.map(({ name, equation, detail }) => `${name} (${equation}): ${detail}`).join("\n"));
  }

  private call<T = OrganizationState>(method: string, path = "", body?: JsonObject): Promise<T> {
    return this.control.call<T>(method, this.path + path, body);
  }
}

function instantText(instant: Instant): string {
  return typeof instant === "string" ? instant : instant.toISOString();
}

/** 90,000 milliseconds are `PT90.000S`, minus two days `-PT172800.000S`. */
function durationText(duration: Duration): string {
  if (typeof duration === "string") return duration;
  return `${duration < 0 ? "-" : ""}PT${(Math.abs(duration) / 1000).toFixed(3)}S`;
}
