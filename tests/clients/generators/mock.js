// MSW answers with the examples of a document, as docs/typescript.md says.

import { readFileSync } from "node:fs";

import { fromOpenApi } from "@mswjs/source/open-api";
import { setupServer } from "msw/node";

const api = "http://127.0.0.1:4010/api/v1";
const document = JSON.parse(readFileSync("openapi.json", "utf8"));
document.servers = [{ url: api }];
const mock = setupServer(...(await fromOpenApi(document)));
mock.listen({ onUnhandledRequest: "error" });
for (const path of ["billing", "ledger", "contract", "model-pricing"]) {
  const response = await fetch(`${api}/org/${path}`);
  await response.json();
  console.log(path, response.status);
}
