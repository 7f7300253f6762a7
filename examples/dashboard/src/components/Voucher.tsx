import { type FormEvent, useState } from "react";

import { useRedeemVoucher } from "../api/queries";
import { money } from "../format";
import { Card, Problem } from "./Card";
import { SubmitButton } from "./SubmitButton";

export function VoucherForm() {
  const [code, setCode] = useState("");
  const redeem = useRedeemVoucher();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (code.trim() === "") return;
    redeem.run({ code: code.trim() }, () => setCode(""));
  };
  return (
    <Card title="Voucher">
      <form onSubmit={submit}>
        <label htmlFor="code">Code</label>
        <div className="field">
          <input
            id="code"
            value={code}
            required
            autoComplete="off"
            onChange={(event) => setCode(event.target.value)}
            aria-invalid={redeem.error !== null}
            aria-describedby={redeem.error === null ? undefined : "code-problem"}
          />
          <SubmitButton isUnderWay={redeem.isPending} error={redeem.error}>
            Redeem
          </SubmitButton>
        </div>
      </form>
      {redeem.error !== null && <Problem error={redeem.error} id="code-problem" />}
      {redeem.data !== undefined && (
        <p className="notice success" role="status">
          {redeem.data.creditAmountUsd === 0
            ? `${redeem.data.voucherCode}: ${redeem.data.message}`
            : `${redeem.data.voucherCode} added ${money(redeem.data.creditAmountUsd)}. Your balance is ${money(redeem.data.newBalance)}.`}
        </p>
      )}
    </Card>
  );
}
