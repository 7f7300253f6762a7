// The form of a fault rule says at once which effects cannot happen to one response. Without this file
// each effect lists them, and the server refuses such a rule.

const form = document.querySelector("[data-rule-form]");
const effects = [...form.querySelectorAll("[data-effect]")];

function isFilled(effect) {
  return [...effect.elements].some((field) => (field.type === "checkbox" ? field.checked : field.value.trim() !== ""));
}

// A success that has a body is the operation's own response, so that nothing conflicts with it.
function isOwnResponse(effect) {
  const status = effect.dataset.effect === "status" && effect.elements["body.effect.status"]?.value.trim();
  return /^2\d\d$/.test(status) && status !== "204" && status !== "205";
}

function update() {
  const filled = effects.filter(isFilled);
  const pairs = new Set();
  for (const effect of effects) {
    const conflicts = effect.dataset.conflicts.split(" ");
    const others = filled.filter(
      (other) => conflicts.includes(other.dataset.effect) && !isOwnResponse(effect) && !isOwnResponse(other),
    );
    effect.classList.toggle("excluded", others.length > 0);
    if (filled.includes(effect)) {
      for (const other of others) pairs.add([effect.dataset.title, other.dataset.title].sort().join(" and "));
    }
  }
  const summary = form.querySelector("[data-conflict-summary]");
  const text = pairs.size ? `These cannot happen to one response: ${[...pairs].join("; ")}.` : "";
  if (summary.textContent !== text) summary.textContent = text;
}

form.addEventListener("input", update);
update();
