/** What the page reads and does, as hooks. Everything that is read is asked for again after each change. */

import { MutationCache, QueryCache, QueryClient, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useRef } from "react";

import { type Api, bodyOf } from "./client";
import { ApiError } from "./errors";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Profile = Schemas["TenantBillingProfile"];
export type Contract = Schemas["EnterpriseContract"];
export type LedgerEntry = Schemas["TenantBillingLedgerEntry"];

const FRESH_MS = 30_000;
const READ_ATTEMPTS = 3;
const FIRST_DELAY_MS = 500;

export const ApiContext = createContext<Api | null>(null);

function useApi(): Api {
  const api = useContext(ApiContext);
  if (api === null) throw new Error("ApiContext has no value");
  return api;
}

/** A cache that tries again what may succeed later, and reports errors that concern the whole page. */
export function createQueryClient(onBlocked: (error: ApiError) => void): QueryClient {
  const report = (error: Error, isRead: boolean) => {
    if (error instanceof ApiError && (error.status === 401 || (isRead && error.status === 403))) onBlocked(error);
  };
  return new QueryClient({
    queryCache: new QueryCache({ onError: (error) => report(error, true) }),
    mutationCache: new MutationCache({ onError: (error) => report(error, false) }),
    defaultOptions: {
      queries: {
        staleTime: FRESH_MS,
        retry: (failures, error) => error instanceof ApiError && error.isTemporary && failures < READ_ATTEMPTS - 1,
        retryDelay: (failures, error) => delayMs(error, failures),
      },
      mutations: { retry: false, networkMode: "always" },
    },
  });
}

/** How long to wait before another attempt: as long as the API asks for, or twice as long each time. */
function delayMs(error: Error, failures: number): number {
  const retryAtMs = error instanceof ApiError ? error.retryAtMs : null;
  return retryAtMs === null ? FIRST_DELAY_MS * 2 ** failures : Math.max(0, retryAtMs - Date.now());
}

export function useProfile() {
  const api = useApi();
  return useQuery({ queryKey: ["billing"], queryFn: ({ signal }) => bodyOf(api.GET("/org/billing", { signal })) });
}

export function useUsageSummary() {
  const api = useApi();
  return useQuery({ queryKey: ["usage-summary"], queryFn: ({ signal }) => bodyOf(api.GET("/org/usage-summary", { signal })) });
}

/** Ledger entries of the last days, newest first. `pollMs`: how often to ask again. */
export function useLedger(days: number, pollMs: number | false = false) {
  const api = useApi();
  return useQuery({
    queryKey: ["ledger", days],
    queryFn: async ({ signal }) => {
      const entries = await bodyOf(api.GET("/org/ledger", { params: { query: { days } }, signal }));
      return [...(entries ?? [])].sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt));
    },
    refetchInterval: pollMs,
  });
}

/** The contract of the organization; null when it has none. */
export function useContract() {
  const api = useApi();
  return useQuery({
    queryKey: ["contract"],
    queryFn: async ({ signal }) => {
      try {
        return (await bodyOf(api.GET("/org/contract", { signal }))) ?? null;
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
      }
    },
  });
}

export function useServiceUsage() {
  const api = useApi();
  return useQuery({ queryKey: ["service-usage"], queryFn: ({ signal }) => bodyOf(api.GET("/org/service-usage", { signal })) });
}

export function useEvents() {
  const api = useApi();
  return useQuery({ queryKey: ["events"], queryFn: ({ signal }) => bodyOf(api.GET("/org/events", { signal })) });
}

export function useCharacters() {
  const api = useApi();
  return useQuery({ queryKey: ["characters"], queryFn: ({ signal }) => bodyOf(api.GET("/org/characters", { signal })) });
}

export function useModelPricing() {
  const api = useApi();
  return useQuery({
    queryKey: ["model-pricing"],
    queryFn: async ({ signal }) => (await bodyOf(api.GET("/org/model-pricing", { signal }))) ?? [],
  });
}

export function useAgreements() {
  const api = useApi();
  return useQuery({
    queryKey: ["service-agreements"],
    queryFn: async ({ signal }) => (await bodyOf(api.GET("/org/service-agreements", { signal }))) ?? [],
  });
}

/**
 * A command of the API. An attempt that fails keeps its `Idempotency-Key`: when it had arrived after all, the same
 * command again has no second effect. Another command gets another key.
 */
function useCommand<Input, Output>(send: (input: Input, headers: Record<string, string>) => Promise<Output>) {
  const client = useQueryClient();
  const attempt = useRef({ input: "", key: "" });
  const isUnderWay = useRef(false);
  const whenDone = useRef<((output: Output) => void) | undefined>(undefined);
  const mutation = useMutation<Output, Error, Input>({
    mutationFn: (input) => {
      const text = JSON.stringify(input ?? null);
      if (attempt.current.input !== text) attempt.current = { input: text, key: crypto.randomUUID() };
      return send(input, { "Idempotency-Key": attempt.current.key });
    },
    onSuccess: (output) => {
      attempt.current = { input: "", key: "" };
      // Before anything is read again: what is read may take the form of this command off the page.
      whenDone.current?.(output);
      return client.invalidateQueries();
    },
    onError: (error) => {
      // A refusal is final: the next attempt is another command.
      if (error instanceof ApiError && !error.isTemporary) attempt.current = { input: "", key: "" };
    },
    onSettled: () => {
      isUnderWay.current = false;
    },
  });
  // A double click comes before the button is drawn as disabled.
  const run = (input: Input, onSuccess?: (output: Output) => void) => {
    if (isUnderWay.current) return;
    isUnderWay.current = true;
    whenDone.current = onSuccess;
    mutation.mutate(input);
  };
  return { ...mutation, run };
}

export function useCheckout() {
  const api = useApi();
  return useCommand((body: Schemas["OrgBillingCheckoutInputBody"], headers) =>
    bodyOf(api.POST("/org/billing/checkout", { body, headers })),
  );
}

export function usePortal() {
  const api = useApi();
  return useCommand((_: void, headers) => bodyOf(api.POST("/org/billing/portal", { headers })));
}

export function useSubscribe() {
  const api = useApi();
  return useCommand((body: Schemas["OrgBillingSubscribeInputBody"], headers) =>
    bodyOf(api.POST("/org/contract/subscribe", { body, headers })),
  );
}

export function useRedeemVoucher() {
  const api = useApi();
  return useCommand((body: Schemas["OrgBillingVoucherInputBody"], headers) =>
    bodyOf(api.POST("/org/vouchers/redeem", { body, headers })),
  );
}
