/** The payment that the user was sent away for, kept while the browser shows the hosted page. */

import type { LedgerEntry } from "./api/queries";

const KEY = "pending-payment";
const OUTCOME = "checkout";

export interface PendingPayment {
  amountMinor: number;
  currency: string;
  /** The credits that the ledger had before, so that a new one can be told. */
  knownCredits: string[];
}

export function keepPendingPayment(payment: PendingPayment): void {
  sessionStorage.setItem(KEY, JSON.stringify(payment));
}

export function pendingPayment(): PendingPayment | null {
  const text = sessionStorage.getItem(KEY);
  return text === null ? null : (JSON.parse(text) as PendingPayment);
}

export function forgetPendingPayment(): void {
  sessionStorage.removeItem(KEY);
}

/**
 * How the hosted page says that it ended: `?checkout=paid` or `?checkout=canceled` in the address that it leads back to.
 * Null when the user came back in another way. The address bar is cleaned, so that a reload does not say it again.
 */
export function takeOutcome(): string | null {
  const address = new URL(location.href);
  const outcome = address.searchParams.get(OUTCOME);
  if (outcome !== null) {
    address.searchParams.delete(OUTCOME);
    history.replaceState(null, "", address);
  }
  return outcome;
}

/** Ids of the entries that added credit. */
export function creditIds(entries: readonly LedgerEntry[]): string[] {
  return entries.filter((entry) => entry.amountCredits > 0).map((entry) => entry.entryId);
}
