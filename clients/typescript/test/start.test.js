// How a server is found, started and stopped.

import assert from "node:assert/strict";
import { chmod, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";

import { connectOrStart, ServerError, startServer } from "orgbilling";

const environment = { ...process.env };
const COMMAND = process.env["ORGBILLING_COMMAND"] ?? "orgbilling";

/** @type {string} */
let folder;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "with a space "));
});
afterEach(() => {
  for (const name of ["PATH", "ORGBILLING_COMMAND", "ORGBILLING_URL", "ORGBILLING_CONTROL_TOKEN"]) {
    if (environment[name] === undefined) delete process.env[name];
    else process.env[name] = environment[name];
  }
});

/**
 * A program that is alone on PATH. It passes its arguments on after `dropped` words.
 *
 * @param {string} name
 * @param {number} dropped
 */
async function alone(name, dropped) {
  const file = join(folder, name);
  await writeFile(file, `#!/bin/sh\nshift ${dropped}\nexec ${COMMAND} "$@"\n`);
  await chmod(file, 0o755);
  delete process.env["ORGBILLING_COMMAND"];
  process.env["PATH"] = `${folder}:/usr/bin:/bin`;
}

const answers = (/** @type {string} */ url) => fetch(url).then(() => true, () => false);

for (const [name, dropped] of /** @type {const} */ ([["orgbilling", 0], ["uvx", 1], ["pipx", 2]])) {
  test(`${name} is found on PATH, and stopped`, async () => {
    await alone(name, dropped);
    const server = await startServer();
    assert.equal((await server.coverage()).percent, 0);
    assert.equal(server.token, null);
    await server.stop();
    assert.equal(await answers(server.url), false);
    await server.stop();
  });
}

test("a container is asked with its control token", async () => {
  await alone("docker", 5); // run --rm --publish 127.0.0.1:…:… orgbilling
  const server = await startServer({ image: "orgbilling" });
  assert.match(server.token ?? "", /^oct_/);
  const org = await server.organization();
  assert.equal((await fetch(`${server.apiUrl}/org/billing`, { headers: await org.headers() })).status, 200);
  await server.stop();
  assert.equal(await answers(server.url), false);
});

test("options and command are passed on, a command with spaces as a list", async () => {
  await alone("my orgbilling", 0);
  const server = await startServer({ command: [join(folder, "my orgbilling")], options: ["--persona", "euro"] });
  assert.equal((await server.existing("org_any").advance("P1D")).currency, "EUR");
  await server.stop();
});

test("what the server says when it refuses to start is the error", async () => {
  await assert.rejects(startServer({ options: ["--persona", "nobody"] }), (error) => {
    assert(error instanceof ServerError);
    assert.match(error.message, /nobody/);
    return true;
  });
});

test("a command that does not exist is an error", async () => {
  await assert.rejects(startServer({ command: "/nowhere/orgbilling" }), /ServerError: \/nowhere\/orgbilling .*ENOENT/);
});

test("a command that does not answer is ended", async () => {
  await assert.rejects(startServer({ command: ["sh", "-c", "exec sleep 60", "sleep"], timeoutSeconds: 0.3 }), /within 0.3 seconds/);
});

test("without anything to start, the error says what to install", async () => {
  delete process.env["ORGBILLING_COMMAND"];
  process.env["PATH"] = folder;
  await assert.rejects(startServer(), /ServerError: found none of orgbilling, uvx, pipx and docker .*pip install orgbilling/);
});

test("a server that the environment names is not started", async () => {
  process.env["ORGBILLING_URL"] = "http://127.0.0.1:1/";
  process.env["ORGBILLING_CONTROL_TOKEN"] = "oct_x";
  const server = await connectOrStart({ command: "/nowhere" });
  assert.deepEqual([server.url, server.token], ["http://127.0.0.1:1", "oct_x"]);
});
