import { defineConfig } from "vitest/config";

// `npm run dev` shows the sources against a running server: TASKER_SERVER, or the usual address.
const server = process.env["TASKER_SERVER"] ?? "http://127.0.0.1:8080";
const proxied = ["/v1", "/health", "/config", "/metrics", "/api-docs"];

export default defineConfig({
  base: "/",
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  server: { proxy: Object.fromEntries(proxied.map((path) => [path, server])) },
  build: {
    outDir: "../build/dashboard",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  test: { include: ["test/*.test.ts"], setupFiles: ["test/setup.ts"] },
});
