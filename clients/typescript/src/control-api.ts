/** Calls of the control API, with its errors as exceptions. */

const PREFIX = "/_mock/v1";

/** One finding of a refused call: where it is, and what is wrong there. */
export interface Finding {
  location: string;
  message: string;
}

/** A value of JSON that is an object. */
export type JsonObject = Record<string, unknown>;

/** The server refuses a call. */
export class ControlError extends Error {
  override readonly name = "ControlError";
  /** The status of the HTTP response. */
  readonly status: number;
  /** What is wrong, in one line (docs/errors.md has all of them). */
  readonly detail: string;
  /** The findings by place, such as `{location: "body.scenario", message: …}`. */
  readonly errors: readonly Finding[];

  constructor(status: number, detail: string, errors: readonly Finding[] = []) {
    const findings = errors.map(({ location, message }) => `${location}: ${message}`).join("; ");
    super(`${status}: ${findings || detail}`);
    this.status = status;
    this.detail = detail;
    this.errors = errors;
  }
}

/** The control API of a server. */
export class ControlApi {
  constructor(
    readonly url: string,
    private readonly token: string | null,
  ) {}

  /**
   * The response to a call, `{}` where it has no content.
   *
   * `path` is below `/_mock/v1`. Members of `body` and parameters of `query` that are undefined or null are left out.
   * Throws ControlError for an error of the server, and what `fetch` throws when there is no answer.
   */
  async call<T = JsonObject>(method: string, path: string, body?: JsonObject, query: JsonObject = {}): Promise<T> {
    const parameters = new URLSearchParams(present(query).map(([name, value]): [string, string] => [name, String(value)]));
    const headers: Record<string, string> = this.token === null ? {} : { "X-Control-Token": this.token };
    const request: RequestInit = { method, headers };
    if (body !== undefined) {
      headers["Content-Type"] = "application/json";
      request.body = JSON.stringify(Object.fromEntries(present(body)));
    }
    const response = await fetch(`${this.url}${PREFIX}${path}${parameters.size > 0 ? `?${parameters}` : ""}`, request);
    const text = await response.text();
    if (!response.ok) throw controlError(response, text);
    return (text === "" ? {} : JSON.parse(text)) as T;
  }
}

/** A name as a segment of a path; `*` stays, it stands for all organizations. */
export function pathSegment(name: string): string {
  return encodeURIComponent(name);
}

function present(members: JsonObject): [string, unknown][] {
  return Object.entries(members).filter(([, value]) => value !== undefined && value !== null);
}

function controlError(response: Response, text: string): ControlError {
  try {
    const problem = JSON.parse(text) as { detail?: string; errors?: Finding[] };
    return new ControlError(response.status, problem.detail ?? "", problem.errors ?? []);
  } catch {
    return new ControlError(response.status, `${response.url} answers with no problem document`);
  }
}
