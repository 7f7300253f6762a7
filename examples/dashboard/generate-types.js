// Write src/api/schema.ts from the API description. Its last line is the digest of the description, by which
// `make generate` sees whether it is current without Node.js.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import openapiTS, { astToString, COMMENT_HEADER } from "openapi-typescript";

const command = process.env.ORGBILLING_COMMAND ?? "orgbilling";
const description = execFileSync(command, ["spec", "export", "--facts-only"], { encoding: "utf8" });
const digest = createHash("sha256").update(description).digest("hex");
const types = COMMENT_HEADER + astToString(await openapiTS(description));
writeFileSync(new URL("src/api/schema.ts", import.meta.url), `${types}// API description, SHA-256: ${digest}\n`);
