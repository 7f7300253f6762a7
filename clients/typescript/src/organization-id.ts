/** Ids for the organizations of tests. */

import { createHash } from "node:crypto";

const LONGEST_SLUG = 40;

/** An id for the organization of a test: its title for people, a digest for uniqueness. The same in every run. */
export function organizationId(title: string, attempt: string): string {
  const words = title.toLowerCase().replace(/[^a-z0-9]+/g, "_").slice(0, LONGEST_SLUG).replace(/^_+|_+$/g, "");
  return ["org", words, createHash("sha256").update(attempt).digest("hex").slice(0, 8)].filter(Boolean).join("_");
}
