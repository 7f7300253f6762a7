/**
 * Mistakes that dashboards have, one at a time: each replaces text of the sources, which has to be there exactly once.
 * `near` names tests that are likely to notice; a defect that they miss is run against all.
 */

const QUERIES = "src/api/queries.ts";
const CLIENT = "src/api/client.ts";
const ERRORS = "src/api/errors.ts";
const MONEY = "src/money.ts";
const FORMAT = "src/format.ts";
const APP = "src/App.tsx";
const SESSION = "src/session.ts";
const BALANCE = "src/components/Balance.tsx";
const CARD = "src/components/Card.tsx";
const CONTRACT = "src/components/Contract.tsx";
const LEDGER = "src/components/Ledger.tsx";
const CHART = "src/components/UsageChart.tsx";
const USAGE = "src/components/Usage.tsx";
const AGREEMENTS = "src/components/Agreements.tsx";
const VOUCHER = "src/components/Voucher.tsx";
const BUTTON = "src/components/SubmitButton.tsx";
const NOTICES = "src/components/ConnectionNotices.tsx";
const PROGRESS = "src/components/PaymentProgress.tsx";
const PENDING = "src/pendingPayment.ts";
const PAGE = "src/hostedPage.ts";

/** @type {{ name: string, does: string, near: string, changes: [file: string, from: string, to: string][] }[]} */
export const defects = [
  // Commands
  defect("double-submit", "two clicks send a command twice", "two clicks", [QUERIES, "if (isUnderWay.current) return;", ""], [BUTTON, "disabled={isUnderWay || seconds > 0}", "disabled={seconds > 0}"]),
  defect("double-click", "the button is disabled, but two quick clicks are faster", "two clicks", [QUERIES, "if (isUnderWay.current) return;", ""]),
  defect("no-idempotency-key", "commands have no Idempotency-Key", "under its key", [QUERIES, '{ "Idempotency-Key": attempt.current.key }', "{}"]),
  defect("new-key-each-attempt", "a repeated command has a new Idempotency-Key", "under its key", [QUERIES, "if (attempt.current.input !== text)", "if (true)"]),
  defect("key-kept-after-success", "the next command reuses the key of the last one", "under its key", [QUERIES, 'onSuccess: (output) => {\n      attempt.current = { input: "", key: "" };', "onSuccess: (output) => {"]),
  defect("key-kept-after-refusal", "a command that was refused is refused for ever", "as it was typed", [QUERIES, "if (error instanceof ApiError && !error.isTemporary) attempt", "if (false) attempt"]),
  defect("command-retried", "a command that failed is sent again by itself", "stripe-", [QUERIES, "mutations: { retry: false,", "mutations: { retry: 2, retryDelay: 100,"]),
  defect("stale-balance", "the balance stays what it was after a voucher", "vouchers", [QUERIES, "return client.invalidateQueries();", ""]),
  defect("stale-ledger", "after a voucher the balance is read again, and not the ledger", "vouchers", [QUERIES, "return client.invalidateQueries();", 'return client.invalidateQueries({ queryKey: ["billing"] });']),
  defect("form-gone-before-redirect", "the form of a command is off the page before its answer leads on", "no-contract", [QUERIES, "whenDone.current?.(output);\n      return client.invalidateQueries();", "return client.invalidateQueries().then(() => { if (document.querySelector('#contract')) whenDone.current?.(output); });"]),
  defect("code-cleared-on-error", "a refused voucher code has to be typed again", "under its key", [VOUCHER, '() => setCode(""));', 'undefined); setCode("");']),
  defect("code-not-trimmed", "a pasted voucher code with a space is unknown", "vouchers", [VOUCHER, "redeem.run({ code: code.trim() }", "redeem.run({ code }"]),
  defect("code-in-capitals", "voucher codes are sent in capitals", "as it was typed", [VOUCHER, "redeem.run({ code: code.trim() }", "redeem.run({ code: code.trim().toUpperCase() }"]),
  defect("wrong-new-balance", "the message after a voucher names its credit as the balance", "vouchers", [VOUCHER, "money(redeem.data.newBalance)", "money(redeem.data.creditAmountUsd)"]),
  defect("portal-dead", "the button of the portal does nothing", "portal opens", [BALANCE, "portal.run(undefined, ({ url }) => openHostedPage(url))", "portal.run(undefined)"]),
  // Money
  defect("adds-floats", "amounts are added as binary fractions", "dense|contract-active", [MONEY, "return Number(amounts.reduce((total, amount) => total + toMicros(amount), 0n)) / 10 ** MICROS_DIGITS;", "return amounts.reduce((total, amount) => total + amount, 0);"]),
  defect("adds-rounded", "each amount is rounded to the cent before it is added", "dense", [MONEY, "total + toMicros(amount)", "total + toMicros(Math.round(amount * 100) / 100)"]),
  defect("spent-has-credits", "what was spent is less what was added", "dense", [LEDGER, "-sum(amounts.filter((amount) => amount < 0))", "-sum(amounts)"]),
  defect("float-cents", "19.99 dollars become 1998 cents", "3d-secure|payment is credited", [MONEY, 'const minor = Number(match[1]!.replaceAll(",", "") + (match[2] ?? "").padEnd(digits, "0"));', 'const minor = Math.trunc(Number(match[0]!.replaceAll(",", "")) * 10 ** digits);']),
  defect("dollars-as-cents", "25.00 dollars are sent as 25 cents", "payment is credited", [MONEY, '(match[2] ?? "").padEnd(digits, "0")', '""']),
  defect("thousands-cut", "1,019.99 is read as 1 dollar", "payment is credited", [MONEY, "exec(text.trim())", 'exec(text.trim().replace(/,.*/, ""))']),
  defect("amount-unchecked", "what is no amount is sent all the same", "amount that is none", [BALANCE, "if (amount === null) return;", ""], [BALANCE, "checkout.run({ amount, currency }", "checkout.run({ amount: amount ?? 0, currency }"], [BALANCE, "amountMinor: amount,", "amountMinor: amount ?? 0,"]),
  defect("currency-not-sent", "a payment in euros is asked for in dollars", "euro", [BALANCE, "checkout.run({ amount, currency }", "checkout.run({ amount }"]),
  defect("yen-in-cents", "5,000 yen become 500,000", "in yen", [MONEY, "if (WITHOUT_MINOR_UNIT.includes(code)) return 0;", ""]),
  defect("credit-in-currency", "dollars of credit are shown as euros", "euro", [BALANCE, "{money(creditBalance)}\n", "{money(creditBalance, profile.currency)}\n"]),
  defect("whole-dollars", "balances are rounded to the dollar", "low-balance", [FORMAT, "const isSmall = amount !== 0", "amount = Math.round(amount);\n  const isSmall = amount !== 0"]),
  defect("prices-to-the-cent", "a price of a billionth is shown as 0", "extreme", [FORMAT, "const PRICE_DIGITS = 12", "const PRICE_DIGITS = 2"]),
  defect("false-precision", "counts past 2^53 are shown digit by digit", "extreme", [FORMAT, "Number.isSafeInteger(value) ? WHOLE.format(value) : `≈ ${LARGE.format(value)}`", "WHOLE.format(value)"]),
  defect("negative-hidden", "a negative balance is shown as 0", "overdrawn", [BALANCE, "{money(creditBalance)}\n", "{money(Math.max(0, creditBalance))}\n"]),
  defect("charge-recomputed", "charges are count × price, not what the API says", "count times price", [USAGE, "exactMoney(row.chargeUsd)", "exactMoney(row.count * row.unitPriceUsd)"]),
  // Balances
  defect("low-unnoticed", "a low balance is no warning", "low-balance", [BALANCE, "if (creditBalance < LOW_BALANCE_USD)", "if (false)"]),
  defect("zero-is-low", "no credit is shown as little credit", "zero-balance", [BALANCE, "if (creditBalance === 0) return", "if (creditBalance < 0) return"]),
  defect("free-credit-unnoticed", "free credit looks like paid credit", "new-org|free-credit", [BALANCE, "const neverPaid = freeCreditGranted && stripeCustomerId === undefined;", "const neverPaid = false;"]),
  defect("postpaid-as-prepaid", "what is outstanding is not shown", "postpaid", [BALANCE, 'profile.billingMode === "postpaid" ? <Outstanding', "false ? <Outstanding"]),
  defect("limit-unnoticed", "no warning near the limit", "postpaid", [BALANCE, "const NEAR_LIMIT = 0.9", "const NEAR_LIMIT = 0.999"]),
  defect("over-limit-as-near", "over the limit, a negative rest is left", "postpaid", [BALANCE, "const isOver = outstandingUsd > postpaidLimitUsd;", "const isOver = false;"]),
  // Time
  defect("local-time", "times are those of the browser's zone", "window-edges|what is shown", [FORMAT, 'const UTC = { timeZone: "UTC" } as const;', "const UTC = {};"]),
  defect("chart-in-local-days", "the chart counts the days of the browser's zone", "window-edges", [FORMAT, "new Date(instant).toISOString().slice(0, 10)", 'new Date(instant).toLocaleDateString("sv-SE")']),
  defect("month-before", "months are shown in the browser's zone: the one before", "month-rollover", [FORMAT, 'new Intl.DateTimeFormat(LANGUAGE, { ...UTC, month: "long"', 'new Intl.DateTimeFormat(LANGUAGE, { month: "long"']),
  defect("month-of-browser", "the month is the browser's, not that of the data", "month-rollover", [FORMAT, "return shown(MONTH, `${yearAndMonth}-01T00:00:00Z`, yearAndMonth);", "return shown(MONTH, new Date().toISOString(), yearAndMonth);"]),
  defect("chart-skips-days", "days without entries are left out of the chart", "dense|leap-day|window", [CHART, "result.push({ day: key, spent: sum(amounts.get(key) ?? []) });", "if (amounts.has(key)) result.push({ day: key, spent: sum(amounts.get(key) ?? []) });"]),
  defect("overdue-unnoticed", "overdue payments look like open ones", "overdue", [CONTRACT, "return !paid && Date.parse(dueDate) < Date.now();", "return false;"]),
  defect("paid-overdue", "paid payments of the past are overdue", "contract-active|overdue", [CONTRACT, "return !paid && Date.parse", "return Date.parse"]),
  defect("cancelled-overdue", "a cancelled contract asks for its open payments", "contract-cancelled|contract-expired", [CONTRACT, 'contract.status === "active" ? (contract.paymentSchedule ?? []).filter(isOverdue) : []', "(contract.paymentSchedule ?? []).filter(isOverdue)"]),
  defect("ending-unnoticed", "the end of a contract comes as a surprise", "contract-ending|contract-renewing", [CONTRACT, "const SOON_DAYS = 7", "const SOON_DAYS = 0"]),
  defect("renewal-inverted", "contracts that renew themselves are said to end", "contract-ending|contract-renewing", [CONTRACT, "{contract.autoRenew ? `The contract renews", "{!contract.autoRenew ? `The contract renews"]),
  // Contracts
  defect("no-payment-link", "a pending contract cannot be paid", "contract-pending", [CONTRACT, "{link !== null && (", "{false && ("]),
  defect("unsafe-link", "a link may be a script", "no web page", [PAGE, 'return ["http:", "https:"].includes(new URL(url).protocol) ? url : null;', "return url;"]),
  defect("no-contract-is-error", "an organization without a contract sees an error", "no-contract", [QUERIES, "if (error instanceof ApiError && error.status === 404) return null;", ""]),
  defect("no-way-to-subscribe", "an expired contract cannot be followed by another", "contract-expired|subscription", [CONTRACT, '(contract === null || ["expired", "cancelled"].includes(contract.status)) && <SubscribeForm />', "contract === null && <SubscribeForm />"]),
  defect("all-paid", "open payments count as paid", "contract-active", [CONTRACT, "schedule.filter((payment) => payment.paid)", "schedule.filter(() => true)"]),
  // Lists and texts
  defect("null-ledger", "a ledger that is null breaks the page", "nulls", [QUERIES, "return [...(entries ?? [])]", "return [...entries!]"]),
  defect("null-services", "services that are null break the page", "nulls", [USAGE, "(usage.byOperation ?? [])", "usage.byOperation!"]),
  defect("null-prices", "prices that are null break the page", "nulls", [QUERIES, '(await bodyOf(api.GET("/org/model-pricing", { signal }))) ?? []', '(await bodyOf(api.GET("/org/model-pricing", { signal })))!']),
  defect("null-schedule", "a schedule that is null breaks the page", "nulls|contract-draft", [CONTRACT, "const schedule = contract.paymentSchedule ?? [];", "const schedule = contract.paymentSchedule!;"]),
  defect("empty-is-blank", "an empty ledger is a blank space", "empty|nulls", [LEDGER, "<Empty>There are no entries in this window.</Empty>", "null"]),
  defect("order-of-arrival", "entries are shown in the order they came in", "newest first", [QUERIES, ".sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt))", ""]),
  defect("oldest-first", "the newest entry is on the last page", "newest first|window", [QUERIES, "Date.parse(b.createdAt) - Date.parse(a.createdAt)", "Date.parse(a.createdAt) - Date.parse(b.createdAt)"]),
  defect("window-ignored", "each window shows 30 days", "dense|window", [LEDGER, "useLedger(days)", "useLedger(30)"]),
  defect("page-kept", "another window begins with as many rows as the last one had", "another window", [LEDGER, "<Entries key={days} entries={entries} />", "<Entries entries={entries} />"]),
  defect("all-rows", "thousands of rows are drawn at once", "dense", [LEDGER, "entries.slice(0, shown).map", "entries.map"]),
  defect("no-more-rows", "only the first rows can be seen", "dense", [LEDGER, "setShown(shown + 4 * PAGE_ROWS)", "setShown(shown)"]),
  defect("html-injected", "descriptions are inserted as HTML", "hostile", [CARD, '<bdi className="outer-text">{children}</bdi>;', '<bdi className="outer-text" dangerouslySetInnerHTML={{ __html: children }} />;']),
  defect("direction-leaks", "right-to-left names turn what follows them", "hostile", [CARD, '<bdi className="outer-text">{children}</bdi>;', '<span className="outer-text">{children}</span>;']),
  defect("text-cut", "the rest of a long text cannot be read", "hostile", [CARD, "<bdi>{children}</bdi>\n    </details>", "</details>"]),
  defect("text-sticks-out", "a long text is wider than the page", "hostile", ["src/styles.css", ".outer-text { overflow-wrap: anywhere;", ".outer-text { white-space: nowrap;"]),
  defect("prices-swapped", "input and output prices of models are swapped", "what is shown|extreme", [AGREEMENTS, '<td className="number">{price(item.inputPricePer1K)}</td>\n                  <td className="number">{price(item.outputPricePer1K)}</td>', '<td className="number">{price(item.outputPricePer1K)}</td>\n                  <td className="number">{price(item.inputPricePer1K)}</td>']),
  defect("tokens-swapped", "input and output tokens are swapped", "what is shown", [USAGE, '"Input tokens">{count(summary.totalInputTokens)}', '"Input tokens">{count(summary.totalOutputTokens)}']),
  // Sessions
  defect("keeps-401", "a session that has ended shows errors in each part", "session-expired|session that ends", [QUERIES, "error.status === 401 || (isRead && error.status === 403)", "isRead && error.status === 403"]),
  defect("no-token-renewal", "a token that expires on its way ends the session", "token that expires", [CLIENT, "first.response.status === 401 ? await sendOnce(session, request, true) : first", "first"]),
  defect("token-for-ever", "a token is used after it has expired", "tokens are asked", [SESSION, "Date.now() < cached.renewAtMs", "true"]),
  defect("token-each-request", "each request asks for a token of its own", "tokens are asked", [SESSION, "if (!skipCache && cached !== null && Date.now() < cached.renewAtMs) return cached.token;", ""]),
  defect("data-after-session", "data stays on the page after the session has ended", "session-expired|session that ends", [APP, "{blocked === null ? <Dashboard /> : <Blocked error={blocked} session={session} />}", "{blocked !== null && <Blocked error={blocked} session={session} />}<Dashboard />"]),
  defect("member-locked-out", "a member who may not write may not read either", "member", [QUERIES, "(isRead && error.status === 403)", "error.status === 403"]),
  defect("no-access-unnoticed", "without an organization, each part has an error of its own", "no-active|session-pending", [QUERIES, "error.status === 401 || (isRead && error.status === 403)", "error.status === 401"]),
  // Failures
  defect("ignores-429", "Retry-After is not heeded", "rate-limited", [QUERIES, "return retryAtMs === null ? FIRST_DELAY_MS", "return true ? FIRST_DELAY_MS"]),
  defect("429-is-final", "a request that was too much is not made again", "rate-limited", [ERRORS, "this.status === 429 || ", ""]),
  defect("429-unsaid", "nobody says why the page waits", "rate-limited", [NOTICES, "{seconds > 0 && (", "{false && ("]),
  defect("one-attempt", "a short failure is an error at once", "short failure", [QUERIES, "const READ_ATTEMPTS = 3", "const READ_ATTEMPTS = 1"]),
  defect("refusals-repeated", "requests that were refused are made again", "402|no-active|no-contract", [QUERIES, "error instanceof ApiError && error.isTemporary && failures", "failures"]),
  defect("retry-storm", "a server that is down is asked on and on", "short failure|truncated", [QUERIES, "const READ_ATTEMPTS = 3", "const READ_ATTEMPTS = 50"], [QUERIES, "FIRST_DELAY_MS * 2 ** failures", "100"]),
  defect("no-time-limit", "a request that hangs loads for ever", "hanging", [CLIENT, "const TIMEOUT_MS = 15_000", "const TIMEOUT_MS = 15_000_000"]),
  defect("impatient", "an answer that takes three seconds is an error", "slow", [CLIENT, "const TIMEOUT_MS = 15_000", "const TIMEOUT_MS = 1_500"]),
  defect("loading-unsaid", "a page that loads looks empty", "slow", [CARD, "{isPending && <Loading />}", ""]),
  defect("error-unsaid", "a part that failed is blank", "truncated|short failure", [CARD, "{error !== null && <Problem error={error} onRetry", "{false && <Problem error={error!} onRetry"]),
  defect("detail-unsaid", "errors say their title, not their detail", "vouchers|member", [ERRORS, "problem.detail ?? problem.title", "problem.title ?? problem.detail"]),
  defect("findings-unsaid", "a form does not say what is wrong with it", "amount that is none|subscription", [ERRORS, "problem.errors ?? [],", "[],"]),
  defect("gateway-crash", "an error page of a gateway is no error of the service", "gateway", [ERRORS, "  } catch {\n    return {};", "  } catch (error) {\n    throw error;"]),
  defect("html-as-answer", "a page that is no JSON is a mistake of the dashboard", "gateway", [CLIENT, 'new Response(text === "" ? null : readable(text), response)', 'new Response(text === "" ? null : text, response)']),
  defect("button-does-not-wait", "a payment can be tried again before Retry-After has passed", "stripe-unavailable", [BUTTON, "const seconds = retryAtMs === null ? 0", "const seconds = true ? 0"]),
  defect("try-again-dead", "the button after an error does nothing", "truncated|short failure", [CARD, "onRetry={() => void query.refetch()}", "onRetry={() => undefined}"]),
  defect("offline-unsaid", "nobody says that the browser is offline", "offline", [NOTICES, "{!isOnline && (", "{false && ("]),
  defect("trace-unsaid", "an error has no reference for support", "short failure", [CARD, "{traceId !== null && isFault && <p", "{false && <p"]),
  // Payments
  defect("payment-forgotten", "back from the payment, nothing is said of it", "webhook|payment is credited", [BALANCE, "keepPendingPayment({ amountMinor", "void ({ amountMinor"]),
  defect("payment-not-awaited", "a credit that comes late is not noticed", "webhook-late", [PROGRESS, "isLate ? false : POLL_MS", "false"]),
  defect("awaited-for-ever", "a payment that is never confirmed is asked for on and on", "webhook-never", [PROGRESS, "isLate ? false : POLL_MS", "POLL_MS"]),
  defect("old-credit-counts", "an older credit is taken for the payment", "webhook|3d-secure", [PROGRESS, "entry.amountCredits > 0 && !payment.knownCredits.includes(entry.entryId)", "entry.amountCredits > 0"]),
  defect("balance-after-payment", "the credit is said, and the balance is the old one", "webhook-late", [PROGRESS, "onArrived(credit);\n    void client.invalidateQueries();", "onArrived(credit);"]),
  defect("cancel-unnoticed", "a canceled payment is awaited", "checkout-abandoned", [PROGRESS, 'outcome === "canceled" || outcome === "cancelled"', "false"]),
  defect("outcome-kept", "a reload says again that the payment was canceled", "checkout-abandoned", [PENDING, 'history.replaceState(null, "", address);', ""]),
  defect("cannot-dismiss", "whoever did not pay is told to wait", "checkout-declined", [PROGRESS, "{!isPaid && (", "{false && ("]),
  defect("never-reads-again", "a page that is left open shows old data for ever", "offline|what is shown", [QUERIES, "staleTime: FRESH_MS,", "staleTime: Infinity, refetchOnWindowFocus: false, refetchOnReconnect: false,"]),
  defect("disabled-after-back", "whoever goes back from the payment finds a disabled button", "checkout|portal", [PAGE, "if (event.persisted) location.reload();", ""]),
];

function defect(name, does, near, ...changes) {
  return { name, does, near, changes };
}
