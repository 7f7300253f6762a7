/** What can go wrong with a request, as one class, so that every part of the page can say it alike. */

import type { components } from "./schema";

type ProblemDocument = Partial<components["schemas"]["ErrorModel"]>;

/** `http`: the API refuses, with a status. All others: no usable answer came. */
export type ErrorKind = "http" | "offline" | "timeout" | "unreachable" | "unreadable";

export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly kind: ErrorKind,
    message: string,
    /** The HTTP status; null where there was no answer. */
    readonly status: number | null = null,
    /** Findings by place, such as `body.amount`. */
    readonly findings: readonly { location?: string; message?: string }[] = [],
    /** The instant before which the API asks not to be asked again, in epoch milliseconds. */
    readonly retryAtMs: number | null = null,
    /** The API's name for the request, for support. */
    readonly traceId: string | null = null,
  ) {
    super(message);
  }

  /** Whether the same request may succeed later. */
  get isTemporary(): boolean {
    return this.kind !== "http" || this.status === 429 || (this.status !== null && this.status >= 500);
  }

  /** What is wrong with one member of the request, or null. */
  finding(location: string): string | null {
    return this.findings.find((finding) => finding.location === location)?.message ?? null;
  }
}

/** The error that a response other than 2xx stands for; `text` is its body. */
export function errorOfResponse(response: Response, text: string): ApiError {
  const problem = problemDocument(text);
  const detail = problem.detail ?? problem.title ?? `The service answered with status ${response.status}.`;
  return new ApiError(
    "http",
    sentence(detail),
    response.status,
    problem.errors ?? [],
    retryInstant(response.headers.get("Retry-After")),
    response.headers.get("X-Trace-Id"),
  );
}

/** The instant that a `Retry-After` header names: seconds from now, or a date. */
export function retryInstant(value: string | null): number | null {
  if (value === null || value.trim() === "") return null;
  const seconds = Number(value);
  const instant = Number.isFinite(seconds) ? Date.now() + seconds * 1000 : Date.parse(value);
  return Number.isNaN(instant) ? null : instant;
}

/** A gateway in front of the API answers with a page of its own: then there is no problem document. */
function problemDocument(text: string): ProblemDocument {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as ProblemDocument) : {};
  } catch {
    return {};
  }
}

/** "voucher has expired" is shown as "Voucher has expired." */
function sentence(text: string): string {
  const capitalized = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capitalized) ? capitalized : `${capitalized}.`;
}
