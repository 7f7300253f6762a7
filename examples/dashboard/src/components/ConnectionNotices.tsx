/** What concerns the connection, and so the whole page: offline, or asked to slow down. */

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, useSyncExternalStore } from "react";

import { ApiError } from "../api/errors";
import { useNow } from "./useNow";

export function ConnectionNotices() {
  const isOnline = useSyncExternalStore(watchConnection, () => navigator.onLine);
  const retryAtMs = useRetryInstant();
  const now = useNow(retryAtMs !== null);
  const seconds = retryAtMs === null ? 0 : Math.ceil((retryAtMs - now) / 1000);
  return (
    <>
      {!isOnline && (
        <p className="notice warning" role="status">
          You are offline. The page shows what it read last, and goes on when you are back.
        </p>
      )}
      {seconds > 0 && (
        <p className="notice warning" role="status">
          Too many requests. The page tries again in {seconds} {seconds === 1 ? "second" : "seconds"}.
        </p>
      )}
    </>
  );
}

function watchConnection(changed: () => void): () => void {
  addEventListener("online", changed);
  addEventListener("offline", changed);
  return () => {
    removeEventListener("online", changed);
    removeEventListener("offline", changed);
  };
}

/** The instant until which a query waits because the API limits its rate; null when none does. */
function useRetryInstant(): number | null {
  const cache = useQueryClient().getQueryCache();
  const [instant, setInstant] = useState<number | null>(null);
  useEffect(() => {
    const update = () => {
      const limited = cache
        .getAll()
        .map(({ state }) => state.error ?? state.fetchFailureReason)
        .filter((error) => error instanceof ApiError && error.status === 429)
        .map((error) => (error as ApiError).retryAtMs ?? 0);
      setInstant(limited.length === 0 ? null : Math.max(...limited));
    };
    update();
    return cache.subscribe(update);
  }, [cache]);
  return instant;
}
