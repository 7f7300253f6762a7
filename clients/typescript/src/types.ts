/** What the control API answers, as far as this package uses it. docs/control.md describes every member. */

/** The states that a clock can be in: it follows the server's, runs from an instant of its own, or stands still. */
export interface Clock {
  mode: "server" | "live" | "frozen";
  now: string;
  offsetSeconds?: number;
}

/** An organization: persona, scenario, clock and balance. */
export interface OrganizationState {
  organization: string;
  tenantId: string;
  persona: string;
  shows: string;
  states: number[];
  seed: number;
  clock: Clock;
  billingMode: "prepaid" | "postpaid";
  currency: string;
  creditBalance: number;
  outstandingUsd: number;
  contractStatus: "draft" | "pending_payment" | "active" | "expired" | "cancelled" | null;
  scenario: string | null;
  version: number;
}

/** A hosted checkout after it was completed, with the new balance. */
export interface CompletedCheckout {
  session: string;
  url: string;
  purpose: "top_up" | "contract";
  status: "open" | "complete" | "expired";
  /** In the smallest unit of the currency. */
  amount: number;
  currency: string;
  openedAt: string;
  /** Whether its webhook has arrived. */
  settled: boolean;
  /** Why the last card was declined; null once it is paid. */
  declineCode: string | null;
  contractId: string | null;
  outcome: string;
  creditBalance: number;
  /** Where a browser would go next; null when it would stay. */
  redirectUrl: string | null;
}

/** A voucher. */
export interface Voucher {
  code: string;
  creditUsd: number;
  discountPercent: number;
  state: "open" | "expired" | "used" | "limit_reached";
}

/** A voucher that was created, and its organization. */
export interface CreatedVoucher {
  voucher: Voucher;
  organization: OrganizationState;
}

/** A fault rule. */
export interface Fault {
  id: string;
  organizations: string[];
  operations: string[];
  methods: string[];
  times?: number | null;
  every: number;
  probability: number;
  seed: number;
  from?: string | null;
  until?: string | null;
  force: boolean;
  setBy?: string | null;
  effect: Record<string, unknown>;
  /** Requests that its filter let through. */
  matched: number;
  /** Requests that it fired for. */
  fired: number;
}

/** A request that the journal has, with its response. */
export interface Exchange {
  trace: string;
  at: string;
  organization: string | null;
  operation: string | null;
  method: string;
  path: string;
  status: number | null;
  milliseconds: number;
  fault?: string | null;
  error?: string | null;
  request?: unknown;
  response?: unknown;
  /** The stub, or the real API beside it. */
  answeredBy: "stub" | "real";
}

/** An operation, status or state, and how often it was met. */
export interface CoverageItem {
  name: string;
  met: number;
  conformance: number;
}

/** Which operations, statuses and states clients have met. */
export interface Coverage {
  since: string;
  percent: number;
  operations: CoverageItem[];
  statuses: CoverageItem[];
  parameters: CoverageItem[];
  values: CoverageItem[];
  scenarios: CoverageItem[];
}

/** How one invariant stands. */
export interface InvariantResult {
  number: number;
  name: string;
  equation: string;
  firm: boolean;
  verdict: "holds" | "broken" | "not_applicable";
  values: Record<string, string>;
  detail: string;
}
