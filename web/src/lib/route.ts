// Where the reader is. It lives behind the # of the address: the server needs to know one page only, and
// every view can be linked to.

import { signal } from "@preact/signals";

export interface Route {
  path: string[];
  query: URLSearchParams;
}

export function parseRoute(hash: string): Route {
  const text = hash.replace(/^#?\/?/, "");
  const mark = text.indexOf("?");
  const path = mark < 0 ? text : text.slice(0, mark);
  return {
    path: path
      .split("/")
      .filter((word) => word !== "")
      .map(decodePart),
    query: new URLSearchParams(mark < 0 ? "" : text.slice(mark + 1)),
  };
}

function decodePart(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}

export function hrefOf(path: string[], query: Record<string, string | undefined> = {}): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") {
      words.set(name, value);
    }
  }
  const text = words.toString();
  return `#/${path.map(encodeURIComponent).join("/")}${text === "" ? "" : `?${text}`}`;
}

export const route = signal<Route>(parseRoute(globalThis.location?.hash ?? ""));

export function routeStart(): void {
  addEventListener("hashchange", () => {
    route.value = parseRoute(location.hash);
  });
}

export function go(href: string): void {
  location.hash = href;
}

/** Changes the address without a step in the history: for filters that are being typed. */
export function replace(href: string): void {
  history.replaceState(null, "", href);
  route.value = parseRoute(href);
}
