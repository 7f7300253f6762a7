import { type FormEvent, useState } from "react";

import { type Contract, useContract, useSubscribe } from "../api/queries";
import { date, money, month, words } from "../format";
import { openHostedPage, safeAddress } from "../hostedPage";
import { sum } from "../money";
import { Empty, Fact, OuterText, Problem, QueryCard, Table } from "./Card";
import { SubmitButton } from "./SubmitButton";

const DAY_MS = 86_400_000;
const SOON_DAYS = 7;

export function ContractCard() {
  return (
    <QueryCard title="Contract" query={useContract()} note={(contract) => contract && <span className={`badge ${contract.status}`}>{words(contract.status)}</span>}>
      {(contract) => (
        <>
          {contract === null ? <Empty>You have no contract.</Empty> : <ContractFacts contract={contract} />}
          {(contract === null || ["expired", "cancelled"].includes(contract.status)) && <SubscribeForm />}
        </>
      )}
    </QueryCard>
  );
}

function ContractFacts({ contract }: { contract: Contract }) {
  const schedule = contract.paymentSchedule ?? [];
  const paid = sum(schedule.filter((payment) => payment.paid).map((payment) => payment.amountUsd));
  return (
    <>
      <ContractNotices contract={contract} />
      <dl>
        <Fact name="Total value">{money(contract.totalValueUsd)}</Fact>
        <Fact name="Paid so far">{money(paid)}</Fact>
        <Fact name="Begins">{date(contract.startDate)}</Fact>
        <Fact name="Ends">{date(contract.endDate)}</Fact>
        <Fact name="Renewal">{contract.autoRenew ? "Renews itself" : "Does not renew"}</Fact>
        <Fact name="Payments">
          {money(contract.paymentAmountUsd)} {words(contract.paymentFrequency).toLowerCase()}
        </Fact>
        {contract.bonusCreditsUsd > 0 && (
          <Fact name="Bonus credit">
            {money(contract.bonusCreditsUsd)}, {contract.bonusCreditsPaid ? "granted" : "to come"}
          </Fact>
        )}
      </dl>
      {contract.notes !== undefined && contract.notes !== "" && (
        <div className="notes">
          <OuterText>{contract.notes}</OuterText>
        </div>
      )}
      {schedule.length === 0 ? <Empty>No payments are scheduled.</Empty> : <Schedule contract={contract} />}
    </>
  );
}

/** What the user has to do, or should know in time. */
function ContractNotices({ contract }: { contract: Contract }) {
  const link = safeAddress(contract.paymentLinkUrl);
  const daysLeft = (Date.parse(contract.endDate) - Date.now()) / DAY_MS;
  const isEnding = contract.status === "active" && daysLeft >= 0 && daysLeft <= SOON_DAYS;
  const overdue = contract.status === "active" ? (contract.paymentSchedule ?? []).filter(isOverdue) : [];
  return (
    <>
      {contract.status === "pending_payment" && (
        <div className="notice warning" role="status">
          <p>The contract begins with its first payment.</p>
          {link !== null && (
            <a className="button" href={link}>
              Pay {money(contract.paymentAmountUsd)}
            </a>
          )}
        </div>
      )}
      {contract.status === "draft" && <p className="notice">The contract is being prepared. There is nothing to pay yet.</p>}
      {overdue.length > 0 && (
        <p className="notice error" role="alert">
          Overdue: {overdue.map((payment) => `${money(payment.amountUsd)} since ${date(payment.dueDate)}`).join(", ")}.
        </p>
      )}
      {isEnding && (
        <p className="notice warning" role="status">
          {contract.autoRenew ? `The contract renews itself on ${date(contract.endDate)}.` : `The contract ends on ${date(contract.endDate)}, and is not renewed.`}
        </p>
      )}
    </>
  );
}

function isOverdue({ paid, dueDate }: { paid: boolean; dueDate: string }): boolean {
  return !paid && Date.parse(dueDate) < Date.now();
}

function Schedule({ contract }: { contract: Contract }) {
  return (
    <Table label="Payments of the contract">
      <thead>
        <tr>
          <th scope="col">Period</th>
          <th scope="col">Due</th>
          <th scope="col" className="number">Credit</th>
          <th scope="col" className="number">Service</th>
          <th scope="col" className="number">Amount</th>
          <th scope="col">State</th>
        </tr>
      </thead>
      <tbody>
        {(contract.paymentSchedule ?? []).map((payment, index) => (
          <tr key={index}>
            <td>
              {month(payment.period)}
              {payment.isOneTime && " (once)"}
            </td>
            <td>{date(payment.dueDate)}</td>
            <td className="number">{money(payment.creditUsd)}</td>
            <td className="number">{money(payment.serviceUsd)}</td>
            <td className="number">{money(payment.amountUsd)}</td>
            <td>{payment.paid ? "Paid" : isOverdue(payment) && contract.status === "active" ? "Overdue" : "Open"}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

function SubscribeForm() {
  const [contractId, setContractId] = useState("");
  const subscribe = useSubscribe();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (contractId.trim() === "") return;
    subscribe.run({ contractId: contractId.trim() }, ({ url }) => openHostedPage(url));
  };
  return (
    <form onSubmit={submit}>
      <label htmlFor="contract">Contract number, from your offer</label>
      <div className="field">
        <input id="contract" value={contractId} required autoComplete="off" onChange={(event) => setContractId(event.target.value)} />
        <SubmitButton isUnderWay={subscribe.isPending || subscribe.isSuccess} error={subscribe.error}>
          Subscribe
        </SubmitButton>
      </div>
      {subscribe.error !== null && <Problem error={subscribe.error} />}
    </form>
  );
}
