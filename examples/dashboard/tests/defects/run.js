/**
 * Build the dashboard with one defect at a time, and say which the tests find.
 *
 *     node tests/defects/run.js [--only NAME,NAME] [--every N] [--jobs N] [--near] [--markdown FILE] [--check]
 *
 * A defect is found when a test fails with it, and fails again when it is repeated. A whole run first makes sure that the tests
 * pass without a defect, and looks at the coverage after each suite. The page is written after each defect; with `--only` it keeps
 * the rows of all others. `--near` runs only the tests that are likely to notice, so that what they miss is not known.
 * `--check` only says whether the sources still have the texts that the defects replace.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { chromium } from "@playwright/test";
import { startServer } from "orgbilling";
import { build, preview } from "vite";

import { defects } from "./defects.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PLAYWRIGHT = join(ROOT, "node_modules", "@playwright", "test", "cli.js");
/** In the order in which a team comes to write them. */
const SUITES = ["plain", "states", "journeys"];
const START = "<!-- defects -->\n";
const END = "<!-- end of defects -->";

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    every: { type: "string", default: "1" },
    jobs: { type: "string", default: "2" },
    near: { type: "boolean", default: false },
    markdown: { type: "string" },
    check: { type: "boolean", default: false },
  },
});

/** A plugin of Vite that makes the changes of a defect, each of them exactly once. */
function planted(defect) {
  return {
    name: `defect-${defect.name}`,
    enforce: "pre",
    transform(code, id) {
      const path = id.split("?")[0].replaceAll("\\", "/");
      return defect.changes.filter(([file]) => path.endsWith(`/${file}`)).reduce(changed, code);
    },
  };
}

function changed(code, [file, from, to]) {
  if (code.split(from).length !== 2) throw new Error(`${file} has to have this exactly once: ${from}`);
  return code.replace(from, () => to);
}

/** The dashboard as it was built into a folder, with the API behind it. */
function serve(outDir, target) {
  const proxy = { "/api/v1": { target }, "/_mock/v1": { target } };
  return preview({ root: ROOT, logLevel: "error", build: { outDir }, preview: { port: 0, host: "127.0.0.1", proxy } });
}

/** The first test of some that fails, or null; null, too, when there is none of that name. */
async function failingTest(folder, environment, words) {
  const report = join(folder, "report.json");
  rmSync(report, { force: true });
  const limits = ["--max-failures", "1", "--retries", "1", "--workers", "1", "--pass-with-no-tests", "--output", join(folder, "results")];
  const env = { ...process.env, ...environment, REPORT: report };
  const tests = spawn(process.execPath, [PLAYWRIGHT, "test", ...limits, ...words], { cwd: ROOT, env, stdio: "ignore" });
  await once(tests, "exit");
  const { suites, errors } = JSON.parse(readFileSync(report, "utf8"));
  if (suites.length === 0 && errors.length > 0) throw new Error(`no test ran: ${JSON.stringify(errors)}`);
  return suites.flatMap(specs).find(({ tests }) => tests.some(({ status }) => status === "unexpected")) ?? null;
}

function specs(suite) {
  return [...suite.specs, ...(suite.suites ?? []).flatMap(specs)];
}

/** The runs that look for a defect, one after the other until one finds it. */
function runs({ near }) {
  const likely = SUITES.map((suite) => [suite, "--grep", near]);
  if (options.near) return likely;
  const [first, ...others] = SUITES;
  return [[first], ...likely.slice(1), ...others.map((suite) => [suite])];
}

/** The dashboard with some changes, for as long as somebody uses it. */
async function withDashboard(defect, folder, environment, use) {
  const outDir = join(folder, "dist");
  await build({ root: ROOT, logLevel: "error", plugins: [planted(defect)], build: { outDir, emptyOutDir: true } });
  const site = await serve(outDir, environment.ORGBILLING_URL);
  try {
    return await use({ ...environment, DASHBOARD_URL: site.resolvedUrls.local[0] });
  } finally {
    await site.close();
  }
}

/** Which suite finds a defect, by which test; null when none does. */
function measure(defect, folder, environment) {
  return withDashboard(defect, folder, environment, async (own) => {
    for (const words of runs(defect)) {
      const found = await failingTest(folder, own, words);
      if (found !== null) return { suite: words[0], test: found.title };
    }
    return null;
  });
}

function coverageText({ percent, operations, statuses, scenarios }) {
  const counts = Object.entries({ operations, statuses, scenarios }).map(
    ([kind, items]) => `${items.filter(({ met }) => met > 0).length} of ${items.length} ${kind}`,
  );
  return `${percent} %: ${counts.join(", ")}`;
}

/** What the client has met of the API after each suite, without a defect; all tests have to pass. */
function coverageBySuite(server, folder, environment) {
  return withDashboard({ name: "none", changes: [] }, folder, environment, async (own) => {
    const met = {};
    for (const suite of SUITES) {
      const found = await failingTest(folder, own, [suite]);
      if (found !== null) throw new Error(`a test fails without a defect: ${found.title}`);
      met[suite] = coverageText(await server.coverage());
    }
    return met;
  });
}

/** Use a server, a browser and a folder of one's own. */
async function withServer(use) {
  const folder = mkdtempSync(join(tmpdir(), "dashboard-defects-"));
  const server = await startServer();
  const browser = await chromium.launchServer({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
  try {
    return await use(server, folder, { ORGBILLING_URL: server.url, BROWSER_URL: browser.wsEndpoint() });
  } finally {
    await browser.close();
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

/** Take defects off a list until it is empty. */
function work(remaining, page) {
  return withServer(async (_, folder, environment) => {
    for (let defect = remaining.shift(); defect !== undefined; defect = remaining.shift()) {
      const found = await measure(defect, folder, environment);
      page.by.set(defect.name, found === null ? "missed" : `${found.suite}: ${found.test}`);
      write(page);
      console.log(found === null ? `missed ${defect.name}` : `found  ${defect.name} by ${found.suite}: ${found.test}`);
    }
  });
}

/** What a page says of each defect, and of the coverage after each suite. */
function read(file) {
  const rows = file === undefined ? [] : [...readFileSync(file, "utf8").split(START)[1].split(END)[0].matchAll(/^\| (\S+) \| (.*) \| (.*) \|$/gm)];
  const third = new Map(rows.map(([, name, , last]) => [name, last]));
  const met = Object.fromEntries(rows.filter(([, name]) => SUITES.includes(name)).map(([, name, second]) => [name, second]));
  return { file, met, by: new Map(defects.filter(({ name }) => third.has(name)).map(({ name }) => [name, third.get(name)])) };
}

function write({ file, met, by }) {
  if (file === undefined) return;
  const [before, rest] = readFileSync(file, "utf8").split(START);
  writeFileSync(file, `${before}${START}${tables(met, by)}${END}${rest.split(END)[1]}`);
}

function tables(met, by) {
  const measured = defects.filter(({ name }) => by.has(name));
  let found = 0;
  const suites = SUITES.map((suite) => {
    found += measured.filter(({ name }) => by.get(name).startsWith(`${suite}:`)).length;
    return `| ${suite} | ${met[suite] ?? ""} | ${found} of ${measured.length} |`;
  });
  return [
    "| tests up to | coverage then | defects found so far |",
    "| --- | --- | --- |",
    ...suites,
    "",
    "| defect | what it does | found by |",
    "| --- | --- | --- |",
    ...measured.map(({ name, does }) => `| ${name} | ${does} | ${by.get(name)} |`),
    "",
  ].join("\n");
}

const names = options.only?.split(",");
const chosen = defects.filter(({ name }, index) => (names ? names.includes(name) : index % Number(options.every) === 0));
if (options.check) {
  for (const { changes } of chosen) changes.forEach((change) => changed(readFileSync(join(ROOT, change[0]), "utf8"), change));
  console.log(`${chosen.length} defects can be planted`);
  process.exit();
}
const page = read(options.markdown);
if (chosen.length === defects.length) {
  page.met = await withServer((server, folder, environment) => coverageBySuite(server, folder, environment));
  for (const [suite, text] of Object.entries(page.met)) console.log(`${suite}: ${text}`);
  page.by.clear();
}
const remaining = [...chosen];
await Promise.all(Array.from({ length: Number(options.jobs) }, () => work(remaining, page)));
console.log(`${chosen.filter(({ name }) => page.by.get(name) !== "missed").length} of ${chosen.length} defects are found`);
