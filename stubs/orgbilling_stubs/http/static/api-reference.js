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
  defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
  ...(scheme ? { authentication: { preferredSecurityScheme: scheme } } : {}),
});
