import type { LedgerEntry } from "../api/queries";
import { date, day, exactMoney } from "../format";
import { sum } from "../money";

const DAY_MS = 86_400_000;
const HEIGHT = 120;
const WIDTH = 720;
const MOST_GAP = 2;

/** What was spent on each day, in UTC, from the first to the last day that has entries. */
export function UsageChart({ entries }: { entries: LedgerEntry[] }) {
  const days = spentByDay(entries);
  const most = Math.max(...days.map(({ spent }) => spent));
  const first = days[0];
  const last = days.at(-1);
  if (first === undefined || last === undefined || most <= 0) return null;
  const step = WIDTH / days.length;
  const peak = days.find(({ spent }) => spent === most)!;
  const summary = `Spent a day from ${date(first.day)} to ${date(last.day)}; most on ${date(peak.day)}: ${exactMoney(most)}`;
  return (
    <figure className="chart">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={summary}>
        {days.map(({ day, spent }, index) => {
          const height = (spent / most) * HEIGHT;
          return (
            <rect key={day} x={index * step} y={HEIGHT - height} width={step - Math.min(MOST_GAP, step / 4)} height={height} data-day={day}>
              <title>{`${date(day)}: ${exactMoney(spent)}`}</title>
            </rect>
          );
        })}
      </svg>
      <figcaption>
        <span>{date(first.day)}</span>
        <span>Spent a day, at most {exactMoney(most)}</span>
        <span>{date(last.day)}</span>
      </figcaption>
    </figure>
  );
}

/** Each day between the first and the last, with what was spent on it; credits do not count. */
export function spentByDay(entries: readonly LedgerEntry[]): { day: string; spent: number }[] {
  const amounts = new Map<string, number[]>();
  for (const entry of entries) {
    if (entry.amountUsd >= 0) continue;
    const key = day(entry.createdAt);
    amounts.set(key, [...(amounts.get(key) ?? []), -entry.amountUsd]);
  }
  const days = [...amounts.keys()].sort();
  const first = Date.parse(days[0] ?? "");
  const last = Date.parse(days.at(-1) ?? "");
  const result = [];
  for (let instant = first; instant <= last; instant += DAY_MS) {
    const key = day(new Date(instant).toISOString());
    result.push({ day: key, spent: sum(amounts.get(key) ?? []) });
  }
  return result;
}
