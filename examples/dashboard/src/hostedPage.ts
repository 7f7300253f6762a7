/** Leave for a page of the payment provider. */

/** An address that a link may lead to. The API's answers are not trusted with `javascript:` and its like. */
export function safeAddress(url: string | undefined): string | null {
  if (url === undefined || !URL.canParse(url)) return null;
  return ["http:", "https:"].includes(new URL(url).protocol) ? url : null;
}

export function openHostedPage(url: string): void {
  const address = safeAddress(url);
  if (address === null) throw new Error(`not an address of a web page: ${url}`);
  location.assign(address);
}

// A browser that goes back may show the page as it was left, with its buttons disabled.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
