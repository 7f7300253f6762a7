import type { ReactNode } from "react";

import { ApiError } from "../api/errors";
import { useNow } from "./useNow";

interface SubmitButtonProps {
  isUnderWay: boolean;
  /** The last error: the button rests for as long as it asks for. */
  error: Error | null;
  children: ReactNode;
}

export function SubmitButton({ isUnderWay, error, children }: SubmitButtonProps) {
  const retryAtMs = error instanceof ApiError ? error.retryAtMs : null;
  const now = useNow(retryAtMs !== null);
  const seconds = retryAtMs === null ? 0 : Math.max(0, Math.ceil((retryAtMs - now) / 1000));
  return (
    <button type="submit" disabled={isUnderWay || seconds > 0} aria-busy={isUnderWay}>
      {seconds > 0 ? `Again in ${seconds} s` : isUnderWay ? "One moment…" : children}
    </button>
  );
}
