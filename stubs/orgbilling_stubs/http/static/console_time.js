// The scrubber of the page of time. Dragging it shows what the server says a jump to that instant would pass; the
// button in the preview goes there. Without this file the field for an instant and the markers do the same.

const DAY_MS = 86_400_000;
const PAUSE_MS = 150;
const timeline = document.querySelector("[data-timeline]");
const scrubber = timeline?.querySelector("[data-scrubber]");

if (scrubber) {
  const now = Number(timeline.dataset.now);
  const begins = Number(timeline.dataset.begins);
  const ends = Number(timeline.dataset.ends);
  const cursor = timeline.querySelector("[data-cursor]");
  const field = timeline.querySelector("[name=to]");
  const markers = [...document.querySelectorAll(".markers time")].map((node) => Date.parse(node.dateTime));
  const words = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "medium", timeZone: "UTC" });
  let request = null;
  let timer = null;

  // Steps of whole days from the present instant, so that it is a position itself.
  scrubber.min = now - Math.floor((now - begins) / DAY_MS) * DAY_MS;
  scrubber.max = now + Math.floor((ends - now) / DAY_MS) * DAY_MS;
  scrubber.step = DAY_MS;
  scrubber.hidden = false;
  for (const hint of timeline.querySelectorAll("[data-dragging]")) hint.hidden = false;

  // A marker less than half a step away is what is meant.
  const instant = () => {
    const value = Number(scrubber.value);
    const near = [now, ...markers].filter((at) => Math.abs(at - value) < DAY_MS / 2);
    return near.sort((a, b) => Math.abs(a - value) - Math.abs(b - value))[0] ?? value;
  };

  const show = (at) => {
    const x = (1000 * (at - begins)) / (ends - begins);
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    cursor.setAttribute("visibility", "visible");
    scrubber.setAttribute("aria-valuetext", `${words.format(at)} UTC`);
  };

  const preview = async (at) => {
    request?.abort();
    request = new AbortController();
    const address = `${timeline.dataset.page}&part=preview&to=${encodeURIComponent(new Date(at).toISOString())}`;
    try {
      const response = await fetch(address, { signal: request.signal, headers: { accept: "text/html" } });
      const part = new DOMParser().parseFromString(await response.text(), "text/html");
      if (response.ok) document.getElementById("preview").replaceChildren(...document.adoptNode(part.body).childNodes);
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  };

  scrubber.addEventListener("input", () => {
    const at = instant();
    show(at);
    field.value = new Date(at).toISOString().slice(0, 19);
    clearTimeout(timer);
    timer = setTimeout(() => preview(at), PAUSE_MS);
  });
  scrubber.addEventListener("keydown", (event) => {
    if (event.key === "Enter") document.querySelector("#preview .primary")?.click();
  });
  const shown = document.querySelector("#preview time");
  const start = shown ? Date.parse(shown.dateTime) : now;
  scrubber.value = start;
  scrubber.setAttribute("aria-valuetext", `${words.format(start)} UTC`);
  if (shown) show(start);
}
