/**
 * Build the dashboard with one defect at a time, and say which the tests find.
 *
 *     node tests/defects/run.js [--only NAME,NAME] [--every N] [--jobs N] [--near] [--markdown FILE] [--check]
 *
 * A defect is found when a test fails with it, and fails again when it is repeated. The tests have to pass without a defect.
 * `--near` runs only the tests that are likely to notice, so that what they miss is not known.
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
const SUITES = ["states", "journeys"];
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

/** The first test that fails, or null. */
async function failingTest(folder, environment, words) {
  const report = join(folder, "report.json");
  rmSync(report, { force: true });
  const limits = ["--max-failures", "1", "--retries", "1", "--workers", "1", "--output", join(folder, "results")];
  const env = { ...process.env, ...environment, REPORT: report };
  const tests = spawn(process.execPath, [PLAYWRIGHT, "test", ...SUITES, ...limits, ...words], { cwd: ROOT, env, stdio: "ignore" });
  await once(tests, "exit");
  const { suites, errors } = JSON.parse(readFileSync(report, "utf8"));
  if (suites.length === 0) throw new Error(`no test ran: ${JSON.stringify(errors)}`);
  return suites.flatMap(specs).find(({ tests }) => tests.some(({ status }) => status === "unexpected")) ?? null;
}

function specs(suite) {
  return [...suite.specs, ...(suite.suites ?? []).flatMap(specs)];
}

/** Which test finds a defect, and in which file; null when none does. */
async function measure(defect, folder, environment) {
  const outDir = join(folder, "dist");
  await build({ root: ROOT, logLevel: "error", plugins: [planted(defect)], build: { outDir, emptyOutDir: true } });
  const site = await serve(outDir, environment.ORGBILLING_URL);
  try {
    const own = { ...environment, DASHBOARD_URL: site.resolvedUrls.local[0] };
    const found = (await failingTest(folder, own, ["--grep", defect.near])) ?? (options.near ? null : await failingTest(folder, own, []));
    return { defect, by: found && found.file.replace(".spec.ts", ""), test: found?.title ?? "" };
  } finally {
    await site.close();
  }
}

/** Take defects off a list until it is empty, with a server and a browser of its own. */
async function work(remaining, results) {
  const folder = mkdtempSync(join(tmpdir(), "dashboard-defects-"));
  const server = await startServer();
  const browser = await chromium.launchServer({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
  try {
    for (let defect = remaining.shift(); defect !== undefined; defect = remaining.shift()) {
      const result = await measure(defect, folder, { ORGBILLING_URL: server.url, BROWSER_URL: browser.wsEndpoint() });
      results.push(result);
      console.log(result.by === null ? `missed ${defect.name}` : `found  ${defect.name} by ${result.by}: ${result.test}`);
    }
  } finally {
    await browser.close();
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

function table(results) {
  const rows = results.map(({ defect, by, test }) => `| ${defect.name} | ${defect.does} | ${by === null ? "missed" : `${by}: ${test}`} |`);
  const count = (kind) => results.filter(({ by }) => by === kind).length;
  return [
    `${results.length - count(null)} of ${results.length} are found: ${count("states")} by the states, ${count("journeys")} by the journeys. ${count(null)} are missed.`,
    "",
    "| defect | what it does | found by |",
    "| --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

function write(file, results) {
  const [before, rest] = readFileSync(file, "utf8").split(START);
  writeFileSync(file, `${before}${START}${table(results)}${END}${rest.split(END)[1]}`);
}

const names = options.only?.split(",");
const chosen = defects.filter(({ name }, index) => (names ? names.includes(name) : index % Number(options.every) === 0));
if (options.check) {
  for (const { changes } of chosen) changes.forEach((change) => changed(readFileSync(join(ROOT, change[0]), "utf8"), change));
  console.log(`${chosen.length} defects can be planted`);
  process.exit();
}
const results = [];
const remaining = [...chosen];
await Promise.all(Array.from({ length: Number(options.jobs) }, () => work(remaining, results)));
results.sort((a, b) => chosen.indexOf(a.defect) - chosen.indexOf(b.defect));
console.log(`${results.filter(({ by }) => by !== null).length} of ${results.length} defects are found`);
if (options.markdown !== undefined) write(options.markdown, results);
