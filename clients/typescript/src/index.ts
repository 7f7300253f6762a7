/**
 * Drive the stub of the Org Billing API from TypeScript: start it, and put organizations into any state.
 *
 *     import { startServer } from "orgbilling";
 *
 *     const server = await startServer();
 *     const org = await server.organization(undefined, { scenario: "low-balance" });
 *     const response = await fetch(`${server.apiUrl}/org/billing`, { headers: await org.headers() });
 *
 * Every method is one call of the control API; the command line and the Python package have the same names.
 */

export { ControlApi, ControlError, type Finding, type JsonObject } from "./control-api.js";
export type { Command } from "./launch.js";
export {
  type BadToken,
  type Duration,
  type FaultOptions,
  type Instant,
  Organization,
  type PayOptions,
  type RequestQuery,
  Snapshot,
  type TokenOptions,
} from "./organization.js";
export {
  connect,
  connectOrStart,
  type OrganizationOptions,
  Server,
  ServerError,
  startServer,
  type StartOptions,
} from "./server.js";
export type * from "./types.js";
