/**
 * Who is signed in. The dashboard asks for a token before each request, as Clerk's `getToken()` is meant to be used.
 *
 * With Clerk, this is the whole of it:
 *
 *     const session: Session = {
 *       getToken: ({ skipCache } = {}) => clerk.session?.getToken({ skipCache }) ?? Promise.resolve(null),
 *       signIn: () => void clerk.redirectToSignIn(),
 *     };
 */

export interface Session {
  /** A session token, or null for somebody who is not signed in. `skipCache` asks for a new one. */
  getToken(options?: { skipCache?: boolean }): Promise<string | null>;
  /** Let the user sign in again. */
  signIn(): void;
}

const STORED_ORGANIZATION = "organization";
const DEFAULT_ORGANIZATION = "org_standard";
const TOKEN_SECONDS = 60;
/** A token is renewed this long before it expires, so that it is still valid when it arrives. */
const MARGIN_SECONDS = 10;

/** The organization that the development session belongs to. */
export function storedOrganization(): string {
  return localStorage.getItem(STORED_ORGANIZATION) ?? DEFAULT_ORGANIZATION;
}

/** Belong to another organization from now on. */
export function changeOrganization(organization: string): void {
  localStorage.setItem(STORED_ORGANIZATION, organization);
  location.reload();
}

/** A session whose tokens the stub mints, with the lifetime of Clerk's. For development only. */
export function developmentSession(apiOrigin: string, organization: string): Session {
  let cached: { token: string; renewAtMs: number } | null = null;
  return {
    async getToken({ skipCache = false } = {}) {
      if (!skipCache && cached !== null && Date.now() < cached.renewAtMs) return cached.token;
      const path = `/_mock/v1/organizations/${encodeURIComponent(organization)}/tokens`;
      const response = await fetch(apiOrigin + path, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ ttlSeconds: TOKEN_SECONDS }),
      });
      if (!response.ok) return null;
      const { token } = (await response.json()) as { token: string };
      cached = { token, renewAtMs: Date.now() + (TOKEN_SECONDS - MARGIN_SECONDS) * 1000 };
      return token;
    },
    signIn: () => location.reload(),
  };
}
