// The client against a running server. ORGBILLING_COMMAND says how to start one, where `orgbilling` is not on PATH.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { connect, ControlError, startServer } from "orgbilling";

const AT = "2026-03-10T12:00:00Z";

/** @type {import("orgbilling").Server} */
let server;
/** @type {import("orgbilling").Organization} */
let org;

before(async () => {
  server = await startServer({ options: ["--clock", AT] });
});
after(() => server.stop());
beforeEach(async () => {
  org = await server.organization(undefined, { at: AT });
});
afterEach(() => org.delete().catch(() => {}));

/** @param {Record<string, string>} [headers] */
async function billing(headers) {
  return fetch(`${server.apiUrl}/org/billing`, { headers: headers ?? (await org.headers()) });
}

/** The address of a new hosted checkout over 25 USD. */
async function checkout() {
  const headers = { ...(await org.headers()), "Content-Type": "application/json" };
  const body = JSON.stringify({ amount: 2500 });
  const response = await fetch(`${server.apiUrl}/org/billing/checkout`, { method: "POST", headers, body });
  return (await response.json()).url;
}

const now = async () => (await org.state()).clock.now;

test("a created organization answers its token", async () => {
  assert.equal((await (await billing()).json()).creditBalance, (await org.state()).creditBalance);
});

test("two organizations without a name have different ids", async () => {
  const other = await server.organization();
  assert.notEqual(other.id, org.id);
  await other.delete();
});

test("an id without its prefix gets it, and the persona is the one asked for", async () => {
  const euro = await server.organization("acme", { persona: "euro" });
  assert.equal(euro.id, "org_acme");
  assert.equal((await euro.state()).currency, "EUR");
  await euro.delete();
});

test("an organization begins with a scenario", async () => {
  const low = await server.organization(undefined, { scenario: "low-balance", at: new Date(AT) });
  assert.equal((await low.state()).scenario, "low-balance");
  assert.equal((await low.state()).clock.now, AT);
  const unconfirmed = await server.organization(undefined, { scenario: "webhook-never", at: AT });
  const settings = await server.control.call("GET", `/organizations/${unconfirmed.id}/checkout-settings`);
  assert.deepEqual(settings.webhookSeconds, []);
  assert.equal((await low.state()).clock.mode, "frozen");
  await low.delete();
});

test("an organization that exists is used as it is", async () => {
  assert.equal((await server.existing(org.id).state()).clock.now, AT);
});

test("a deleted organization is gone", async () => {
  await org.delete();
  await assert.rejects(org.state(), (error) => {
    assert(error instanceof ControlError);
    assert.equal(error.status, 404);
    assert.match(error.detail, /no such organization/);
    return true;
  });
});

test("an unknown scenario is refused with the right name", async () => {
  await assert.rejects(org.scenario("low-balanc"), (error) => {
    assert(error instanceof ControlError);
    assert.equal(error.errors[0]?.location, "body.scenario");
    assert.match(error.message, /did you mean "low-balance"/);
    return true;
  });
});

test("a scenario changes the balance; a number is a scenario, too", async () => {
  assert((await org.scenario("low-balance")).creditBalance < 5);
  assert.notEqual((await org.scenario(3)).scenario, null);
});

test("a member may not pay, and a bad token is refused", async () => {
  const headers = { ...(await org.headers({ role: "member" })), "Content-Type": "application/json" };
  const response = await fetch(`${server.apiUrl}/org/billing/checkout`, { method: "POST", headers, body: '{"amount":2500}' });
  assert.equal(response.status, 403);
  assert.equal((await billing(await org.headers({ bad: "expired" }))).status, 401);
});

test("the clock is frozen at an instant, and where it is", async () => {
  assert.equal((await org.freeze("2026-04-01")).clock.now, "2026-04-01T00:00:00Z");
  assert.equal((await org.freeze(new Date("2026-05-01T00:00:00Z"))).clock.now, "2026-05-01T00:00:00Z");
  assert.equal((await org.freeze()).clock.now, "2026-05-01T00:00:00Z");
});

for (const [by, then] of /** @type {const} */ ([
  ["P1M", "2026-04-10T12:00:00Z"],
  ["1 day", "2026-03-11T12:00:00Z"],
  [36 * 3_600_000, "2026-03-12T00:00:00Z"],
  [-2 * 86_400_000, "2026-03-08T12:00:00Z"],
  [1500, "2026-03-10T12:00:01.5Z"],
])) {
  test(`the clock advances by ${by}`, async () => {
    await org.advance(by);
    assert.equal(await now(), then);
  });
}

test("the clock jumps to the end of the month", async () => {
  await org.jump("end-of-month");
  assert.equal(await now(), "2026-03-31T23:59:59Z");
});

test("the next request fails once", async () => {
  await org.fault({ status: 503, operations: ["getOrgBilling"] });
  assert.equal((await billing()).status, 503);
  assert.equal((await billing()).status, 200);
});

test("a rule without an end fails until faults are cleared", async () => {
  const rule = await org.fault({ status: 503, times: null, rule: { setBy: "a test" } });
  assert.equal(rule.setBy, "a test");
  assert.deepEqual([(await billing()).status, (await billing()).status], [503, 503]);
  await org.clearFaults();
  assert.equal((await billing()).status, 200);
});

test("a paid checkout is in the balance", async () => {
  const before = (await org.state()).creditBalance;
  const paid = await org.pay(await checkout());
  assert.equal(paid.outcome, "paid");
  assert.equal((await org.state()).creditBalance.toFixed(6), (before + 25).toFixed(6));
});

test("the newest checkout is paid without its address", async () => {
  await checkout();
  assert.equal((await org.pay()).status, "complete");
});

test("a webhook that never comes leaves the balance", async () => {
  const before = (await org.state()).creditBalance;
  await org.pay(await checkout(), { webhook: null });
  assert.equal((await org.state()).creditBalance, before);
});

test("a card without funds is declined", async () => {
  const ended = await org.pay(await checkout(), { card: "4000 0000 0000 9995" });
  assert.equal(ended.declineCode, "insufficient_funds");
});

test("a snapshot is restored", async () => {
  const snapshot = await org.snapshot();
  await org.advance("P2M");
  await snapshot.restore();
  assert.equal(await now(), AT);
});

test("a disposed snapshot is restored", async () => {
  const snapshot = await org.snapshot("before");
  await org.advance("P2M");
  await snapshot[Symbol.asyncDispose]();
  assert.equal(await now(), AT);
});

test("a command is taken back, and a history begins anew", async () => {
  await org.advance("P1M");
  await org.undo();
  assert.equal(await now(), AT);
  await org.scenario("low-balance");
  assert.equal((await org.reset()).scenario, null);
});

test("a voucher is created and redeemed", async () => {
  assert.equal((await org.voucher("SUMMER40", "12.50")).voucher.creditUsd, 12.5);
  const headers = { ...(await org.headers()), "Content-Type": "application/json" };
  const body = JSON.stringify({ code: "SUMMER40" });
  const response = await fetch(`${server.apiUrl}/org/vouchers/redeem`, { method: "POST", headers, body });
  assert.equal(response.status, 200);
});

test("requests are in the journal, by status", async () => {
  await billing();
  await billing(await org.headers({ bad: "member" }));
  const [request] = await org.requests({ operation: "getOrgBilling", status: 200, limit: 1 });
  assert.equal(request?.operation, "getOrgBilling");
  assert.deepEqual(await org.requests({ status: 402 }), []);
});

test("the next request is waited for", async () => {
  const waiting = org.waitForRequest("getOrgBilling");
  setTimeout(billing, 200);
  assert.equal((await waiting).status, 200);
});

test("a request that does not come is an error", async () => {
  await assert.rejects(org.waitForRequest("getOrgLedger", { timeoutSeconds: 1 }), ControlError);
});

test("the invariants hold, also after a month", async () => {
  await org.advance("P1M");
  await org.invariants();
});

test("broken invariants are an error that names them", async () => {
  const broken = { name: "balance", equation: "a = b", verdict: "broken", detail: "1 is not 2" };
  const holding = { name: "rows", equation: "c = d", verdict: "holds", detail: "" };
  const report = { organizations: [{ holds: false, invariants: [broken, holding] }] };
  const control = Object.assign(Object.create(server.control), { call: async () => report });
  const { Organization } = await import("orgbilling");
  await assert.rejects(new Organization(control, "org_x").invariants(), { message: "balance (a = b): 1 is not 2" });
});

test("coverage counts what was asked", async () => {
  await billing();
  const { operations } = await server.coverage();
  assert((operations.find(({ name }) => name === "getOrgBilling")?.met ?? 0) > 0);
});

test("a server that runs already is connected to by its API address, too", async () => {
  const again = connect(`${server.apiUrl}/`);
  assert.equal(again.url, server.url);
  assert.equal((await again.existing(org.id).state()).organization, org.id);
  await again.stop();
  assert.equal((await billing()).status, 200);
});

test("an answer that is no problem document is an error of its own", async () => {
  await assert.rejects(connect(`${server.url}/elsewhere`).coverage(), ControlError);
});
