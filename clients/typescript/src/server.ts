/** A stub to test against: started as a process, or already running. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";

import { ControlApi } from "./control-api.js";
import { type Command, serveCommand } from "./launch.js";
import { type Instant, Organization } from "./organization.js";
import type { Coverage, OrganizationState } from "./types.js";

const DEFAULT_URL = "http://127.0.0.1:4010";
const START_TIMEOUT_SECONDS = 120;
const STOP_TIMEOUT_MS = 10_000;
const KEPT_OUTPUT = 65_536;

/** The server does not start; the message is what it said. */
export class ServerError extends Error {
  override readonly name = "ServerError";
}

/** How to start a server. */
export interface StartOptions {
  /** The command, such as `uvx orgbilling`; by default the first that is there (docs/typescript.md). */
  command?: Command | undefined;
  /** Run this Docker image instead. */
  image?: string | undefined;
  /** Options of `orgbilling serve`, such as `["--persona", "euro"]`. */
  options?: readonly string[];
  /** How long a start may take; 120 seconds by default, since the first one may download the package. */
  timeoutSeconds?: number;
}

/** How an organization begins. */
export interface OrganizationOptions {
  /** What it starts as; `orgbilling personas` lists them. */
  persona?: string;
  /** The state that it shows. */
  scenario?: string | number;
  /** The instant at which its clock is frozen. */
  at?: Instant;
  seed?: number;
}

/** A running stub; `startServer` and `connect` make one. */
export class Server {
  /** Where it listens, such as `http://127.0.0.1:4010`. */
  readonly url: string;
  /** The base address of the API, which a client is configured with. */
  readonly apiUrl: string;
  /** The control API, for calls that have no method here. */
  readonly control: ControlApi;
  private organizations = 0;

  constructor(
    url: string,
    /** The control token, for a server beyond loopback. */
    readonly token: string | null,
    private readonly end: () => Promise<void>,
  ) {
    this.url = url.replace(/\/+$/, "").replace(/\/api\/v1$/, "");
    this.apiUrl = `${this.url}/api/v1`;
    this.control = new ControlApi(this.url, token);
  }

  /**
   * Create an organization. Without an id it gets the next one of this object (`org_1`, …).
   *
   * Rejects with ControlError when it exists, or for an unknown name.
   */
  async organization(id?: string, { persona, scenario, at, seed }: OrganizationOptions = {}): Promise<Organization> {
    const asOf = at instanceof Date ? at.toISOString() : at;
    const body = { organization: id ?? `org_${++this.organizations}`, persona, seed, asOf };
    const created = await this.control.call<OrganizationState>("POST", "/organizations", body);
    const organization = new Organization(this.control, created.organization);
    // A scenario keeps the clock; a clock that is set after it would go back to before what the scenario did.
    if (at !== undefined) await organization.freeze(at);
    if (scenario !== undefined) await organization.scenario(scenario);
    return organization;
  }

  /** An organization that exists, such as `org_standard`; nothing is asked of the server yet. */
  existing(id: string): Organization {
    return new Organization(this.control, id);
  }

  /** Which operations, statuses and states clients have met (docs/journal.md). */
  coverage(): Promise<Coverage> {
    return this.control.call("GET", "/coverage");
  }

  /** Stop a server that `startServer` started. */
  stop(): Promise<void> {
    return this.end();
  }

  /** With `await using`, the server is stopped at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** A server that runs already. `token` is its control token, where it listens beyond loopback. */
export function connect(url: string = DEFAULT_URL, token: string | null = null): Server {
  return new Server(url, token, () => Promise.resolve());
}

/** The server that `ORGBILLING_URL` and `ORGBILLING_CONTROL_TOKEN` name, or else one that is started. */
export async function connectOrStart(start: StartOptions = {}): Promise<Server> {
  const url = process.env["ORGBILLING_URL"];
  return url ? connect(url, process.env["ORGBILLING_CONTROL_TOKEN"] ?? null) : startServer(start);
}

/**
 * Start a server process on a free port of this machine; it ends with this process at the latest.
 *
 * Rejects with ServerError when it does not start, or not in time.
 */
export async function startServer(start: StartOptions = {}): Promise<Server> {
  const { command, image, options = [], timeoutSeconds = START_TIMEOUT_SECONDS } = start;
  const [program = "", ...words] = await serveCommand(command, image, options).catch((error: Error) => {
    throw new ServerError(error.message);
  });
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"] });
  const killAtExit = () => void child.kill();
  process.once("exit", killAtExit);
  const stop = async () => {
    process.off("exit", killAtExit);
    await terminate(child);
  };
  try {
    const { url, token } = await announcement(child, timeoutSeconds);
    letProcessEnd(child);
    return new Server(url, token, stop);
  } catch (error) {
    await stop();
    throw new ServerError(`${[program, ...words].join(" ")}: ${(error as Error).message}`);
  }
}

/** Where the server says that it listens, and its control token, which it prints beyond loopback only. */
function announcement(child: ChildProcess, timeoutSeconds: number): Promise<{ url: string; token: string | null }> {
  return new Promise((resolve, reject) => {
    let output = "";
    let errors = "";
    const timer = setTimeout(() => {
      reject(new Error(`the server does not start within ${timeoutSeconds} seconds\n${errors}`.trim()));
    }, timeoutSeconds * 1000);
    const settle = <T>(then: (value: T) => void, value: T) => {
      clearTimeout(timer);
      then(value);
    };
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-KEPT_OUTPUT);
      const line = /^Org Billing API on (\S+)\/api\/v1 \(listening at (.*)\)\r?\n/m.exec(output);
      const token = /^Control token (\S+)\r?\n/m.exec(output)?.[1] ?? null;
      const isLoopback = /^(127\.|\[::1\])/.test(line?.[2] ?? "");
      if (line?.[1] !== undefined && (isLoopback || token !== null)) settle(resolve, { url: line[1], token });
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      errors = (errors + text).slice(-KEPT_OUTPUT);
    });
    child.once("error", (error) => settle(reject, error));
    child.once("close", (status) => settle(reject, new Error(errors.trim() || `the server ended with status ${status}`)));
  });
}

/** A program that forgets to stop the server still ends; the server ends with it. */
function letProcessEnd(child: ChildProcess): void {
  child.unref();
  for (const stream of [child.stdout, child.stderr]) (stream as Socket | null)?.unref();
}

async function terminate(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.ref();
  child.kill();
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(timer);
}
