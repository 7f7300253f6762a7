/** The client of the API. Its types are generated from the API description; this adds tokens, a time limit and errors. */

import createClient, { type Client } from "openapi-fetch";

import type { Session } from "../session";
import { ApiError, errorOfResponse } from "./errors";
import type { paths } from "./schema";

export type Api = Client<paths>;

/** The origin of the API; "" is the page's own, where the development server passes calls on. */
export const API_ORIGIN = import.meta.env.VITE_API_ORIGIN ?? "";

const TIMEOUT_MS = 15_000;

/** A client whose calls reject with ApiError for every answer but 2xx, and when there is none. */
export function createApi(session: Session): Api {
  return createClient<paths>({
    baseUrl: `${API_ORIGIN || location.origin}/api/v1`,
    fetch: (request) => send(session, request),
  });
}

/** The body of a successful response. */
export async function bodyOf<T>(call: Promise<{ data?: T }>): Promise<T> {
  return (await call).data as T;
}

async function send(session: Session, request: Request): Promise<Response> {
  const first = await sendOnce(session, request.clone(), false);
  // A token can expire on its way: the second attempt has a new one.
  const { response, text } = first.response.status === 401 ? await sendOnce(session, request, true) : first;
  if (!response.ok) throw errorOfResponse(response, text);
  return new Response(text === "" ? null : readable(text), response);
}

/** Send a request, and read its whole body within the time limit. */
async function sendOnce(session: Session, request: Request, skipCache: boolean): Promise<{ response: Response; text: string }> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), TIMEOUT_MS);
  try {
    const token = await session.getToken({ skipCache });
    if (token !== null) request.headers.set("Authorization", `Bearer ${token}`);
    const response = await fetch(request, { signal: AbortSignal.any([request.signal, limit.signal]) });
    return { response, text: await response.text() };
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw connectionError(limit.signal.aborted);
  } finally {
    clearTimeout(timer);
  }
}

function connectionError(isTimeout: boolean): ApiError {
  if (isTimeout) return new ApiError("timeout", "The service did not answer in time.");
  if (!navigator.onLine) return new ApiError("offline", "You are offline.");
  return new ApiError("unreachable", "The service cannot be reached, or its answer was cut off.");
}

/** A text that is JSON. */
function readable(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    throw new ApiError("unreadable", "The answer of the service cannot be read.");
  }
}
