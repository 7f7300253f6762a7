import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { API_ORIGIN } from "./api/client";
import { App } from "./App";
import { developmentSession, storedOrganization } from "./session";
import "./styles.css";

// In production, the session of your Clerk instance goes here (see session.ts).
const session = developmentSession(API_ORIGIN, storedOrganization());

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App session={session} />
  </StrictMode>,
);
