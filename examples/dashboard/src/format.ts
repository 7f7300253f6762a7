/** How values are shown. Times are UTC, as the API counts days and months; other zones would move rows to other days. */

const LANGUAGE = "en-US";
const UTC = { timeZone: "UTC" } as const;
const DATE = new Intl.DateTimeFormat(LANGUAGE, { ...UTC, dateStyle: "medium" });
const DATE_TIME = new Intl.DateTimeFormat(LANGUAGE, { ...UTC, dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });
const MONTH = new Intl.DateTimeFormat(LANGUAGE, { ...UTC, month: "long", year: "numeric" });
const WHOLE = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 0 });
const LARGE = new Intl.NumberFormat(LANGUAGE, { notation: "compact", compactDisplay: "long" });
const CENTS = 2;
const LEDGER_DIGITS = 6;
const PRICE_DIGITS = 12;

function currencyFormat(currency: string, most: number): Intl.NumberFormat {
  try {
    return new Intl.NumberFormat(LANGUAGE, { style: "currency", currency, minimumFractionDigits: CENTS, maximumFractionDigits: most });
  } catch {
    return new Intl.NumberFormat(LANGUAGE, { minimumFractionDigits: CENTS, maximumFractionDigits: most });
  }
}

/** An amount to the cent: $1,234.50. One that is smaller than a cent keeps its digits. */
export function money(amount: number, currency: string = "USD"): string {
  const isSmall = amount !== 0 && Math.abs(amount) < 0.005;
  return currencyFormat(currency, isSmall ? LEDGER_DIGITS : CENTS).format(amount);
}

/** An amount with all digits that the ledger has: -$0.028748. */
export function exactMoney(amount: number): string {
  return currencyFormat("USD", LEDGER_DIGITS).format(amount);
}

/** A price with all its digits, since prices go down to a billionth: $0.000000001. */
export function price(amount: number): string {
  return amount === 0 ? "Free" : currencyFormat("USD", PRICE_DIGITS).format(amount);
}

/** A count: 12,345. JavaScript has no exact integers past 2^53, so larger ones are said to be approximate. */
export function count(value: number): string {
  return Number.isSafeInteger(value) ? WHOLE.format(value) : `≈ ${LARGE.format(value)}`;
}

/** Nov 28, 2026 */
export function date(instant: string): string {
  return shown(DATE, instant);
}

/** Nov 28, 2026, 16:11 UTC */
export function dateTime(instant: string): string {
  return `${shown(DATE_TIME, instant)} UTC`;
}

/** `2026-11` is shown as November 2026. */
export function month(yearAndMonth: string): string {
  return shown(MONTH, `${yearAndMonth}-01T00:00:00Z`, yearAndMonth);
}

/** The day of an instant, such as `2026-11-28`, in UTC. */
export function day(instant: string): string {
  return new Date(instant).toISOString().slice(0, 10);
}

const ACRONYMS = ["api", "sdk", "stt", "tts"];

/** The API's names have underscores: `service_charge` is shown as Service charge, `tts` as TTS. */
export function words(slug: string): string {
  if (ACRONYMS.includes(slug)) return slug.toUpperCase();
  const text = slug.replaceAll("_", " ").trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function shown(format: Intl.DateTimeFormat, instant: string, otherwise: string = instant): string {
  const value = new Date(instant);
  return Number.isNaN(value.getTime()) ? otherwise : format.format(value);
}
