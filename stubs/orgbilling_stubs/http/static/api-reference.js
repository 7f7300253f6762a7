// Starts the API reference on the element that names the API description.
const element = document.getElementById("reference");
const scheme = element.dataset.scheme;

Scalar.createApiReference(element, {
  url: element.dataset.url,
  // Nothing is asked of another server: no fonts, no telemetry, no proxy, no assistant.
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  showDeveloperTools: "never",
  hideClientButton: true,
  documentDownloadType: "direct",
  // A token stays in the open page: it may be a real one.
  persistAuth: false,
  // Some of Scalar's own colors are too pale for small text (WCAG 2.2, 1.4.3: at least 4.5 to 1).
  customCss: `
    .light-mode { --scalar-color-3: #666; --scalar-color-green: #00703f; --scalar-color-red: #c2001b; --scalar-color-orange: #a84300; }
    .dark-mode { --scalar-color-3: #a0a0a0; --scalar-color-red: #ff7070; }
  `,
  defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
  ...(scheme ? { authentication: { preferredSecurityScheme: scheme } } : {}),
});
