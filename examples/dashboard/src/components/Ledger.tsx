import { useState } from "react";

import { type LedgerEntry, useLedger } from "../api/queries";
import { count, dateTime, exactMoney, words } from "../format";
import { sum } from "../money";
import { Empty, Fact, OuterText, QueryCard, Table } from "./Card";
import { UsageChart } from "./UsageChart";

const WINDOWS_DAYS = [1, 7, 30, 90, 365];
const PAGE_ROWS = 25;

export function Ledger() {
  const [days, setDays] = useState(30);
  return (
    <QueryCard title="Ledger" query={useLedger(days)} note={(entries) => `${count(entries.length)} entries`}>
      {(entries) => (
        <>
          <label className="window">
            Window{" "}
            <select value={days} onChange={(event) => setDays(Number(event.target.value))}>
              {WINDOWS_DAYS.map((window) => (
                <option key={window} value={window}>
                  {window === 1 ? "1 day" : `${window} days`}
                </option>
              ))}
            </select>
          </label>
          {entries.length === 0 ? <Empty>There are no entries in this window.</Empty> : <Entries key={days} entries={entries} />}
        </>
      )}
    </QueryCard>
  );
}

function Entries({ entries }: { entries: LedgerEntry[] }) {
  const [shown, setShown] = useState(PAGE_ROWS);
  const amounts = entries.map((entry) => entry.amountUsd);
  return (
    <>
      <UsageChart entries={entries} />
      <dl>
        <Fact name="Added">{exactMoney(sum(amounts.filter((amount) => amount > 0)))}</Fact>
        <Fact name="Spent">{exactMoney(-sum(amounts.filter((amount) => amount < 0)))}</Fact>
      </dl>
      <Table label="Entries of the ledger">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Type</th>
            <th scope="col">Description</th>
            <th scope="col">Source</th>
            <th scope="col" className="number">Tokens</th>
            <th scope="col" className="number">Amount</th>
          </tr>
        </thead>
        <tbody data-testid="ledger">
          {entries.slice(0, shown).map((entry) => (
            <tr key={entry.entryId}>
              <td className="time">{dateTime(entry.createdAt)}</td>
              <td>{words(entry.entryType)}</td>
              <td>
                <OuterText>{entry.description}</OuterText>
              </td>
              <td>{entry.trafficSource === undefined ? "" : words(entry.trafficSource)}</td>
              <td className="number">{entry.tokens === 0 ? "" : count(entry.tokens)}</td>
              <td className={entry.amountUsd < 0 ? "number" : "number credit"}>{exactMoney(entry.amountUsd)}</td>
            </tr>
          ))}
        </tbody>
      </Table>
      {shown < entries.length && (
        <button type="button" className="secondary" onClick={() => setShown(shown + 4 * PAGE_ROWS)}>
          Show more ({count(entries.length - shown)} left)
        </button>
      )}
    </>
  );
}
