/** What every part of the page is made of: a card that loads, fails, is empty, or shows something. */

import type { UseQueryResult } from "@tanstack/react-query";
import { type ReactNode, useId } from "react";

import { ApiError } from "../api/errors";

interface CardProps {
  title: string;
  /** Beside the title, such as the month that is shown. */
  note?: ReactNode;
  busy?: boolean;
  children: ReactNode;
}

export function Card({ title, note, busy = false, children }: CardProps) {
  const id = useId();
  return (
    <section className="card" aria-labelledby={id} aria-busy={busy}>
      <div className="card-title">
        <h2 id={id}>{title}</h2>
        {note !== undefined && <span className="note">{note}</span>}
      </div>
      {children}
    </section>
  );
}

interface QueryCardProps<T> {
  title: string;
  note?: (data: T) => ReactNode;
  query: UseQueryResult<T>;
  children: (data: T) => ReactNode;
}

/** A card about the result of a query. What was read before stays, with the error above it. */
export function QueryCard<T>({ title, note, query, children }: QueryCardProps<T>) {
  const { data, error, isPending } = query;
  return (
    <Card title={title} note={data === undefined ? undefined : note?.(data)} busy={isPending}>
      {error !== null && <Problem error={error} onRetry={() => void query.refetch()} isRetrying={query.isFetching} />}
      {data !== undefined && children(data)}
      {isPending && <Loading />}
    </Card>
  );
}

function Loading() {
  return (
    <div className="loading">
      <span className="visually-hidden">Loading…</span>
      <i />
      <i />
      <i />
    </div>
  );
}

interface ProblemProps {
  error: Error;
  onRetry?: () => void;
  isRetrying?: boolean;
  id?: string;
}

/** An error in words, with the name that support can find it by. */
export function Problem({ error, onRetry, isRetrying = false, id }: ProblemProps) {
  // A refusal explains itself; a fault of the service has to be looked up.
  const isFault = error instanceof ApiError && (error.status ?? 0) >= 500;
  const traceId = error instanceof ApiError ? error.traceId : null;
  const findings = error instanceof ApiError ? error.findings : [];
  return (
    <div className="notice error" role="alert" id={id}>
      <p>{error instanceof ApiError ? error.message : "Something went wrong in this page."}</p>
      {findings.length > 0 && (
        <ul>
          {findings.map(({ location, message }, index) => (
            <li key={index}>{[location, message].filter(Boolean).join(": ")}</li>
          ))}
        </ul>
      )}
      {traceId !== null && isFault && <p className="trace">Reference {traceId}</p>}
      {onRetry !== undefined && (
        <button type="button" className="secondary" onClick={onRetry} disabled={isRetrying}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Empty({ children }: { children: ReactNode }) {
  return <p className="empty">{children}</p>;
}

/** A label with its value. */
export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

const LONGEST_TEXT = 120;

/** A text of unknown length, script and direction, by somebody else. A long one opens. */
export function OuterText({ children }: { children: string }) {
  const characters = [...children];
  if (characters.length <= LONGEST_TEXT) return <bdi className="outer-text">{children}</bdi>;
  return (
    <details className="outer-text">
      <summary>
        <bdi>{characters.slice(0, LONGEST_TEXT).join("")}…</bdi>
      </summary>
      <bdi>{children}</bdi>
    </details>
  );
}

/** A table that scrolls sideways on a narrow screen, where the keyboard reaches it. */
export function Table({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="table" role="group" aria-label={label} tabIndex={0}>
      <table>{children}</table>
    </div>
  );
}
