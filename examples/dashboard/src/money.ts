/**
 * Amounts. JSON has them as binary fractions, in which 0.1 + 0.2 is not 0.3, so sums are made of whole millionths: the
 * precision of the ledger.
 */

const MICROS_DIGITS = 6;

/** An amount in millionths. */
export function toMicros(amount: number): bigint {
  return BigInt(amount.toFixed(MICROS_DIGITS).replace(".", ""));
}

/** The sum of amounts, to the millionth. */
export function sum(amounts: readonly number[]): number {
  return Number(amounts.reduce((total, amount) => total + toMicros(amount), 0n)) / 10 ** MICROS_DIGITS;
}

/** Currencies whose smallest unit Stripe counts otherwise than in hundredths. */
const WITHOUT_MINOR_UNIT = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split(" ");
const WITH_THOUSANDTHS = "BHD JOD KWD OMR TND".split(" ");

function minorDigits(currency: string): number {
  const code = currency.toUpperCase();
  if (WITHOUT_MINOR_UNIT.includes(code)) return 0;
  return WITH_THOUSANDTHS.includes(code) ? 3 : 2;
}

/**
 * What somebody typed, such as "19.99" or "1,000", as a whole number of the currency's smallest unit: 1999. Null for
 * what is no such amount. No float comes near it: 19.99 * 100 is 1998.9999999999998.
 */
export function parseMinorUnits(text: string, currency: string): number | null {
  const digits = minorDigits(currency);
  const match = /^(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?$/.exec(text.trim());
  if (match === null || (match[2] ?? "").length > digits) return null;
  const minor = Number(match[1]!.replaceAll(",", "") + (match[2] ?? "").padEnd(digits, "0"));
  return minor > 0 && Number.isSafeInteger(minor) ? minor : null;
}

/** A number of smallest units as an amount: 1999 is 19.99. */
export function fromMinorUnits(minor: number, currency: string): number {
  return minor / 10 ** minorDigits(currency);
}
