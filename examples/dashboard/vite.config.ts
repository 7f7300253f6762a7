import react from "@vitejs/plugin-react";
import { defineConfig, type ProxyOptions } from "vite";

/** Where the API listens: calls to the dashboard's own origin are passed on to it, so that no CORS is needed. */
const target = process.env["ORGBILLING_URL"] ?? "http://127.0.0.1:4010";
const toApi: ProxyOptions = {
  target,
  changeOrigin: true,
  configure: (server) => {
    // An answer that is cut off behind the proxy is cut off in front of it, too; else the browser waits for the rest.
    server.on("proxyRes", (answer, _request, response) => answer.on("error", () => response.destroy()));
  },
};
const proxy = {
  "/api/v1": toApi,
  // The development session gets its tokens here; a real API has no such path.
  "/_mock/v1": toApi,
};

export default defineConfig({
  plugins: [react()],
  // Another port is not taken instead: a paid checkout leads back to this one.
  server: { port: 5173, strictPort: true, proxy },
  preview: { port: 5173, strictPort: true, proxy },
});
