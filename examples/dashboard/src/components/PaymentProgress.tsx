/** What has become of a payment: the credit comes with the provider's webhook, which may be later than the user. */

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { type LedgerEntry, useLedger } from "../api/queries";
import { exactMoney, money } from "../format";
import { fromMinorUnits } from "../money";
import { forgetPendingPayment, type PendingPayment, pendingPayment, takeOutcome } from "../pendingPayment";

const POLL_MS = 2_000;
const PATIENCE_MS = 60_000;
/** A payment at midnight is in yesterday's window. */
const DAYS = 2;

export function PaymentProgress() {
  const [outcome] = useState(takeOutcome);
  const [payment, setPayment] = useState(pendingPayment);
  const [credit, setCredit] = useState<LedgerEntry | null>(null);
  const isCanceled = outcome === "canceled" || outcome === "cancelled";
  const forget = () => {
    forgetPendingPayment();
    setPayment(null);
  };
  useEffect(() => {
    if (isCanceled) forget();
  }, [isCanceled]);
  if (credit !== null) {
    return (
      <p className="notice success" role="status">
        Payment received: {exactMoney(credit.amountCredits)} was added to your balance.
      </p>
    );
  }
  if (isCanceled) {
    return (
      <p className="notice" role="status">
        The payment was canceled. Nothing was charged.
      </p>
    );
  }
  if (payment === null) return null;
  const arrived = (entry: LedgerEntry) => {
    forget();
    setCredit(entry);
  };
  return <Waiting payment={payment} isPaid={outcome === "paid"} onArrived={arrived} onDismiss={forget} />;
}

interface WaitingProps {
  payment: PendingPayment;
  isPaid: boolean;
  onArrived: (entry: LedgerEntry) => void;
  onDismiss: () => void;
}

function Waiting({ payment, isPaid, onArrived, onDismiss }: WaitingProps) {
  const client = useQueryClient();
  const [isLate, setIsLate] = useState(false);
  const { data: entries } = useLedger(DAYS, isLate ? false : POLL_MS);
  const credit = entries?.find((entry) => entry.amountCredits > 0 && !payment.knownCredits.includes(entry.entryId));
  useEffect(() => {
    const timer = setTimeout(() => setIsLate(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  useEffect(() => {
    if (credit === undefined) return;
    onArrived(credit);
    void client.invalidateQueries();
  }, [credit]);
  const amount = money(fromMinorUnits(payment.amountMinor, payment.currency), payment.currency);
  return (
    <div className="notice" role="status" aria-live="polite">
      <p>
        {isLate
          ? `Your payment of ${amount} is not confirmed yet. It is added to your balance as soon as it is; you need not pay again.`
          : `Waiting until your payment of ${amount} is confirmed…`}
      </p>
      {isLate && (
        <button type="button" className="secondary" onClick={() => void client.invalidateQueries()}>
          Check again
        </button>
      )}
      {!isPaid && (
        <button type="button" className="secondary" onClick={onDismiss}>
          I did not pay
        </button>
      )}
    </div>
  );
}
