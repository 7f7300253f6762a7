interface ImportMetaEnv {
  /** Origin of the API, such as `https://api.example.com`; without it, the dashboard's own origin is asked. */
  readonly VITE_API_ORIGIN?: string;
}
