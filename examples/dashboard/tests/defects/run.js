/**
 * Build the dashboard with one defect at a time, and say which the tests find.
 *
 *     node tests/defects/run.js [--only NAME,NAME] [--every N] [--markdown FILE] [--check]
 *
 * A defect is found when a test fails with it, and fails again when it is repeated. `--check` exits with 1 when a defect
 * that the table of the file says was found is missed now.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { build } from "vite";

import { defects } from "./defects.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SUITES = ["states", "journeys"];
const START = "<!-- defects -->\n";
const END = "<!-- end of defects -->";

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    every: { type: "string", default: "1" },
    markdown: { type: "string" },
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

/** The title of the first test that fails with a build, or null. */
function failingTest(dist, words) {
  const report = join(dist, "..", "report.json");
  rmSync(report, { force: true });
  const playwright = join(ROOT, "node_modules", "@playwright", "test", "cli.js");
  spawnSync(process.execPath, [playwright, "test", ...SUITES, "--max-failures", "1", "--retries", "1", ...words], {
    cwd: ROOT,
    env: { ...process.env, DASHBOARD_DIST: dist, REPORT: report },
    stdio: "ignore",
  });
  const { suites, errors } = JSON.parse(readFileSync(report, "utf8"));
  if (suites.length === 0) throw new Error(`no test ran: ${JSON.stringify(errors)}`);
  return suites.flatMap(specs).find(({ tests }) => tests.some(({ status }) => status === "unexpected")) ?? null;
}

function specs(suite) {
  return [...suite.specs, ...(suite.suites ?? []).flatMap(specs)];
}

/** How the tests fare with a defect: `states`, `journeys` or null, and the test that found it. */
async function measure(defect, dist) {
  await build({ root: ROOT, logLevel: "error", plugins: [planted(defect)], build: { outDir: dist, emptyOutDir: true } });
  const found = failingTest(dist, ["--grep", defect.near]) ?? failingTest(dist, []);
  return { defect, by: found && found.file.replace(".spec.ts", ""), test: found?.title ?? "" };
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
  const text = readFileSync(file, "utf8");
  const [before, rest] = text.split(START);
  const after = rest.split(END)[1];
  writeFileSync(file, `${before}${START}${table(results)}${END}${after}`);
}

const names = options.only?.split(",");
const chosen = defects.filter(({ name }, index) => (names ? names.includes(name) : index % Number(options.every) === 0));
const folder = mkdtempSync(join(tmpdir(), "dashboard-defects-"));
const results = [];
try {
  for (const defect of chosen) {
    const result = await measure(defect, join(folder, "dist"));
    results.push(result);
    console.log(`${result.by === null ? "missed" : "found "} ${defect.name}${result.by === null ? "" : ` by ${result.by}: ${result.test}`}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
console.log(`${results.filter(({ by }) => by !== null).length} of ${results.length} defects are found`);
if (options.markdown !== undefined) write(options.markdown, results);
