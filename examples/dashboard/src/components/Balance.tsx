import { type FormEvent, useState } from "react";

import { ApiError } from "../api/errors";
import { type Profile, useCheckout, useLedger, usePortal, useProfile } from "../api/queries";
import { dateTime, money } from "../format";
import { openHostedPage } from "../hostedPage";
import { parseMinorUnits } from "../money";
import { creditIds, keepPendingPayment } from "../pendingPayment";
import { Fact, Problem, QueryCard } from "./Card";
import { SubmitButton } from "./SubmitButton";

const LOW_BALANCE_USD = 5;
const NEAR_LIMIT = 0.9;

export function Balance() {
  return (
    <QueryCard title="Balance" query={useProfile()} note={(profile) => (profile.billingMode === "postpaid" ? "Postpaid" : "Prepaid")}>
      {(profile) => (
        <>
          {profile.billingMode === "postpaid" ? <Outstanding profile={profile} /> : <Credit profile={profile} />}
          <CheckoutForm currency={profile.currency} />
          <Portal />
          <p className="note">
            As of {dateTime(profile.updatedAt)}
            {profile.currency.toUpperCase() !== "USD" && ` · balances are in US dollars, payments in ${profile.currency.toUpperCase()}`}
          </p>
        </>
      )}
    </QueryCard>
  );
}

function Credit({ profile }: { profile: Profile }) {
  const { creditBalance } = profile;
  const warning = creditWarning(profile);
  return (
    <>
      <p className={creditBalance < 0 ? "figure negative" : "figure"} data-testid="balance">
        {money(creditBalance)}
      </p>
      {warning !== null && (
        <p className="notice warning" role="status">
          {warning}
        </p>
      )}
    </>
  );
}

/** What the user should know about a prepaid balance; null when there is enough. */
function creditWarning({ creditBalance, freeCreditGranted, stripeCustomerId }: Profile): string | null {
  const neverPaid = freeCreditGranted && stripeCustomerId === undefined;
  if (creditBalance < 0) return `You are overdrawn by ${money(-creditBalance)}. Add credit to continue.`;
  if (creditBalance === 0) return neverPaid ? "Your free credit is used up. Add credit to continue." : "You have no credit left. Add credit to continue.";
  if (creditBalance < LOW_BALANCE_USD) return "Your credit is running low.";
  return neverPaid ? "You are using your free credit. Add your own before it is used up." : null;
}

function Outstanding({ profile }: { profile: Profile }) {
  const { outstandingUsd, postpaidLimitUsd } = profile;
  const isOver = outstandingUsd > postpaidLimitUsd;
  const isNear = outstandingUsd >= postpaidLimitUsd * NEAR_LIMIT;
  return (
    <>
      <p className={isOver ? "figure negative" : "figure"} data-testid="outstanding">
        {money(outstandingUsd)}
      </p>
      <label>
        <span className="note">outstanding, of a limit of {money(postpaidLimitUsd)}</span>
        <meter min={0} max={postpaidLimitUsd || 1} high={postpaidLimitUsd * NEAR_LIMIT} value={outstandingUsd} />
      </label>
      {isNear && (
        <p className="notice warning" role="status">
          {isOver ? `You are ${money(outstandingUsd - postpaidLimitUsd)} over your limit.` : `${money(postpaidLimitUsd - outstandingUsd)} are left until your limit.`}
        </p>
      )}
      {profile.creditBalance !== 0 && (
        <dl>
          <Fact name="Credit">{money(profile.creditBalance)}</Fact>
        </dl>
      )}
    </>
  );
}

/** A payment of any amount, made on a page of the payment provider. */
function CheckoutForm({ currency }: { currency: string }) {
  const [text, setText] = useState("25.00");
  const [isUnreadable, setIsUnreadable] = useState(false);
  const ledger = useLedger(2);
  const checkout = useCheckout();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const amount = parseMinorUnits(text, currency);
    setIsUnreadable(amount === null);
    if (amount === null) return;
    checkout.run({ amount, currency }, ({ url }) => {
      keepPendingPayment({ amountMinor: amount, currency, knownCredits: creditIds(ledger.data ?? []) });
      openHostedPage(url);
    });
  };
  const finding = isUnreadable
    ? `Enter an amount, such as ${currency.toUpperCase() === "JPY" ? "2500" : "25.00"}.`
    : checkout.error instanceof ApiError
      ? checkout.error.finding("body.amount")
      : null;
  return (
    <form onSubmit={submit} noValidate>
      <label htmlFor="amount">Amount ({currency.toUpperCase()})</label>
      <div className="field">
        <input
          id="amount"
          inputMode="decimal"
          value={text}
          onChange={(event) => setText(event.target.value)}
          aria-invalid={finding !== null}
          aria-describedby={finding === null ? undefined : "amount-finding"}
        />
        <SubmitButton isUnderWay={checkout.isPending || checkout.isSuccess} error={checkout.error}>
          Add credit
        </SubmitButton>
      </div>
      {finding !== null ? (
        <p className="finding" id="amount-finding" role="alert">
          {finding}
        </p>
      ) : (
        checkout.error !== null && <Problem error={checkout.error} />
      )}
    </form>
  );
}

/** Invoices, payment methods and billing details are on a page of the payment provider. */
function Portal() {
  const portal = usePortal();
  return (
    <div>
      <button type="button" className="secondary" disabled={portal.isPending || portal.isSuccess} onClick={() => portal.run(undefined, ({ url }) => openHostedPage(url))}>
        Invoices and payment method
      </button>
      {portal.error !== null && <Problem error={portal.error} />}
    </div>
  );
}
