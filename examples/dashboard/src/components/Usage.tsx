import { useCharacters, useEvents, useServiceUsage, useUsageSummary } from "../api/queries";
import { count, date, exactMoney, money, month, price, words } from "../format";
import { Empty, Fact, QueryCard, Table } from "./Card";

export function UsageSummary() {
  return (
    <QueryCard title="Usage" query={useUsageSummary()}>
      {(summary) => (
        <dl>
          <Fact name="Tokens">{count(summary.totalTokens)}</Fact>
          <Fact name="Input tokens">{count(summary.totalInputTokens)}</Fact>
          <Fact name="Output tokens">{count(summary.totalOutputTokens)}</Fact>
          <Fact name="Messages">{count(summary.totalMessages)}</Fact>
          <Fact name="Sessions">{count(summary.totalSessions)}</Fact>
          <Fact name="Characters">{count(summary.totalCharacters)}</Fact>
          <Fact name="Projects">{count(summary.totalProjects)}</Fact>
          <Fact name="Estimated cost">{money(summary.estimatedCostUsd)}</Fact>
        </dl>
      )}
    </QueryCard>
  );
}

export function ServiceUsage() {
  return (
    <QueryCard title="Services" query={useServiceUsage()} note={(usage) => month(usage.month)}>
      {(usage) => (
        <Charges
          label="Services used"
          rows={(usage.byOperation ?? []).map(({ operation, ...row }) => ({ name: operation, ...row }))}
          total={{ count: usage.totalEvents, chargeUsd: usage.totalChargeUsd }}
          empty="No services were used in this month."
        />
      )}
    </QueryCard>
  );
}

export function Events() {
  return (
    <QueryCard title="Context engine" query={useEvents()} note={(events) => month(events.month)}>
      {(events) => (
        <Charges
          label="Events of the context engine"
          rows={(events.byType ?? []).map(({ eventType, ...row }) => ({ name: eventType, ...row }))}
          total={{ count: events.totalEvents, chargeUsd: events.totalChargeUsd }}
          empty="There were no events in this month."
        />
      )}
    </QueryCard>
  );
}

interface ChargesProps {
  label: string;
  rows: { name: string; count: number; chargeUsd: number; unitPriceUsd: number }[];
  total: { count: number; chargeUsd: number };
  empty: string;
}

function Charges({ label, rows, total, empty }: ChargesProps) {
  if (rows.length === 0) return <Empty>{empty}</Empty>;
  return (
    <Table label={label}>
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col" className="number">Count</th>
          <th scope="col" className="number">Each</th>
          <th scope="col" className="number">Charge</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.name}>
            <td>{words(row.name)}</td>
            <td className="number">{count(row.count)}</td>
            <td className="number">{price(row.unitPriceUsd)}</td>
            <td className="number">{exactMoney(row.chargeUsd)}</td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">Total</th>
          <td className="number">{count(total.count)}</td>
          <td />
          <td className="number">{exactMoney(total.chargeUsd)}</td>
        </tr>
      </tfoot>
    </Table>
  );
}

export function Characters() {
  return (
    <QueryCard title="Characters" query={useCharacters()} note={(characters) => month(characters.month)}>
      {(characters) => (
        <dl>
          <Fact name="Most at a time">{count(characters.highWaterMark)}</Fact>
          <Fact name="Price of each">{price(characters.pricePerCharUsd)}</Fact>
          <Fact name="Charge">{exactMoney(characters.charChargeUsd)}</Fact>
          <Fact name="Billed">{characters.billedAt === undefined ? "Not yet" : date(characters.billedAt)}</Fact>
        </dl>
      )}
    </QueryCard>
  );
}
