// Completes package-lock.json by the optional packages of other systems: a registry that serves only some
// of them leaves the lock without the rest, and then `npm ci` refuses it. After `npm install`:
//
//   node lock.mjs

import { readFileSync, writeFileSync } from "node:fs";

const FILE = "package-lock.json";
const SYSTEMS = "aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32";
const lock = JSON.parse(readFileSync(FILE, "utf8"));
let added = 0;

for (const entry of Object.values(lock.packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    const path = `node_modules/${name}`;
    if (lock.packages[path]) {
      continue;
    }
    const system = new RegExp(`(${SYSTEMS})-([a-z0-9]+)`).exec(name);
    lock.packages[path] = {
      version: range.replace(/^[~^]/, ""),
      ...(entry.dev ? { dev: true } : {}),
      optional: true,
      os: [name === "fsevents" ? "darwin" : (system?.[1] ?? "none")],
      ...(system ? { cpu: [system[2]] } : {}),
    };
    added++;
  }
}
lock.packages = Object.fromEntries(
  Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
);
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} added`);
