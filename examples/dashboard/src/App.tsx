import { QueryClientProvider } from "@tanstack/react-query";
import { useMemo, useState } from "react";

import { createApi } from "./api/client";
import type { ApiError } from "./api/errors";
import { ApiContext, createQueryClient } from "./api/queries";
import { Agreements, ModelPricing } from "./components/Agreements";
import { Balance } from "./components/Balance";
import { ConnectionNotices } from "./components/ConnectionNotices";
import { ContractCard } from "./components/Contract";
import { DevelopmentBar } from "./components/DevelopmentBar";
import { Ledger } from "./components/Ledger";
import { PaymentProgress } from "./components/PaymentProgress";
import { Characters, Events, ServiceUsage, UsageSummary } from "./components/Usage";
import { VoucherForm } from "./components/Voucher";
import type { Session } from "./session";

export function App({ session }: { session: Session }) {
  const [blocked, setBlocked] = useState<ApiError | null>(null);
  const api = useMemo(() => createApi(session), [session]);
  const client = useMemo(() => createQueryClient(setBlocked), []);
  return (
    <ApiContext value={api}>
      <QueryClientProvider client={client}>
        <header className="page-header">
          <h1>Billing</h1>
          <DevelopmentBar />
        </header>
        <main>{blocked === null ? <Dashboard /> : <Blocked error={blocked} session={session} />}</main>
      </QueryClientProvider>
    </ApiContext>
  );
}

function Dashboard() {
  return (
    <>
      <ConnectionNotices />
      <PaymentProgress />
      <div className="columns">
        <div className="stack">
          <Balance />
          <VoucherForm />
        </div>
        <div className="stack">
          <UsageSummary />
          <Characters />
        </div>
      </div>
      <ContractCard />
      <Ledger />
      <div className="columns">
        <ServiceUsage />
        <Events />
      </div>
      <Agreements />
      <ModelPricing />
    </>
  );
}

/** Nothing of the page may be read: what was read before is gone from it, too. */
function Blocked({ error, session }: { error: ApiError; session: Session }) {
  const isSignedOut = error.status === 401;
  return (
    <section className="card blocked" role="alert">
      <h2>{isSignedOut ? "Your session has ended" : "You have no access to billing"}</h2>
      <p>{error.message}</p>
      {isSignedOut ? (
        <button type="button" onClick={() => session.signIn()}>
          Sign in again
        </button>
      ) : (
        <button type="button" onClick={() => location.reload()}>
          Check again
        </button>
      )}
    </section>
  );
}
