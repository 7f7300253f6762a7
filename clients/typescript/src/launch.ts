/** Which command starts a server on this machine. */

import { accessSync, constants } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";

/** A command as its words; a text is split at spaces. */
export type Command = string | readonly string[];

/** The image that Docker runs when nothing else is there. */
export const DEFAULT_IMAGE = "orgbilling";

const RUNNERS: readonly (readonly [string, ...string[]])[] = [["orgbilling"], ["uvx", "orgbilling"], ["pipx", "run", "orgbilling"]];

/**
 * The words that start a server on a free port: of the given command, or else of the environment variable
 * `ORGBILLING_COMMAND`, `orgbilling`, `uvx orgbilling`, `pipx run orgbilling` or Docker, whichever is there first.
 *
 * Throws an Error when nothing is there.
 */
export async function serveCommand(
  command: Command | undefined,
  image: string | undefined,
  options: readonly string[],
): Promise<string[]> {
  const chosen = command ?? (image === undefined ? process.env["ORGBILLING_COMMAND"] : undefined);
  const given = typeof chosen === "string" ? chosen.split(" ").filter(Boolean) : chosen;
  const runner = image === undefined ? (given ?? RUNNERS.find(([program]) => isOnPath(program))) : undefined;
  if (runner !== undefined) return [...runner, "serve", "--port", "0", "--quiet", ...options];
  if (isOnPath("docker")) return dockerCommand(image ?? DEFAULT_IMAGE, await freePort(), options);
  throw new Error(
    "found none of orgbilling, uvx, pipx and docker on PATH: install one (pip install orgbilling), " +
      'or pass startServer({command: ["path/to/orgbilling"]})',
  );
}

/** A container listens at all of its addresses, where tokens must be verified and the control API asks for a token. */
function dockerCommand(image: string, port: number, options: readonly string[]): string[] {
  const serve = ["serve", "--host", "0.0.0.0", "--auth", "verify", "--port", `${port}`, "--quiet", ...options];
  return ["docker", "run", "--rm", "--publish", `127.0.0.1:${port}:${port}`, image, ...serve];
}

function isOnPath(program: string): boolean {
  const names = process.platform === "win32" ? [`${program}.exe`] : [program];
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter(Boolean);
  return folders.some((folder) => names.some((name) => isExecutable(join(folder, name))));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const listener = createServer();
    listener.once("error", reject);
    listener.listen(0, "127.0.0.1", () => {
      const address = listener.address();
      listener.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
