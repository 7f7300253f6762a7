// Follows the webhook of a payment: asks for the page again and again, and takes over what it says of the webhook.
// The live region changes only when the webhook arrives, so that a screen reader is not read every second.

const PERIOD_MS = 1000;
const state = document.querySelector('[data-testid="webhook-state"]');
const text = state.querySelector('[role="status"]');
const arrival = state.querySelector('[data-testid="webhook-arrival"]');

async function look() {
  const response = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const newState = page.querySelector('[data-testid="webhook-state"]');
  if (newState === null) {
    location.reload(); // the session has become another page, such as an expired one
    return false;
  }
  arrival.textContent = newState.querySelector('[data-testid="webhook-arrival"]').textContent;
  if (newState.dataset.state !== state.dataset.state) {
    state.dataset.state = newState.dataset.state;
    text.textContent = newState.querySelector('[role="status"]').textContent;
  }
  if (state.dataset.state !== "settled") return true;
  document.querySelector('[data-testid="deliver-button"]')?.closest("form").remove();
  document.querySelector('[data-testid="refresh-link"]')?.remove();
  return false;
}

async function follow() {
  let goesOn = true;
  if (!document.hidden) {
    try {
      goesOn = await look();
    } catch {
      // the server is away for a moment
    }
  }
  if (goesOn) setTimeout(follow, PERIOD_MS);
}

setTimeout(follow, PERIOD_MS);
