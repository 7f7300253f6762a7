// Build the npm package of this checkout, and install it here as an app installs its archive.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const dashboard = fileURLToPath(new URL("..", import.meta.url));
const client = join(dashboard, "..", "..", "clients", "typescript");
const folder = mkdtempSync(join(tmpdir(), "orgbilling-"));

function npm(cwd, ...words) {
  return execFileSync("npm", words, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

try {
  npm(client, "ci", "--ignore-scripts", "--prefer-offline");
  npm(client, "run", "build");
  const [packed] = JSON.parse(npm(client, "pack", "--json", "--ignore-scripts", "--pack-destination", folder));
  npm(dashboard, "install", "--no-save", "--prefer-offline", join(folder, packed.filename));
} finally {
  rmSync(folder, { recursive: true });
}
