// Asks the server. Every answer is read by decode(); every failure becomes an ApiError that can be
// shown to a person.

import { signal } from "@preact/signals";
import { decode } from "./decode";

const KEY = "tasker.key";
const TIMEOUT_MS = 30_000;

export class ApiError extends Error {
  constructor(
    readonly status: number, // 0: no answer came
    readonly code: string,
    message: string,
    readonly requestId: string | null = null,
  ) {
    super(message);
  }
}

/** True while the server asks for a key that this browser does not have. */
export const keyNeeded = signal(false);

let key = sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY) ?? "";

export function keySet(value: string, keep: boolean): void {
  key = value.trim();
  sessionStorage.removeItem(KEY);
  localStorage.removeItem(KEY);
  if (key !== "") {
    (keep ? localStorage : sessionStorage).setItem(KEY, key);
  }
}

export function keyPresent(): boolean {
  return key !== "";
}

export function headers(more: Record<string, string> = {}): Record<string, string> {
  return key === "" ? more : { ...more, Authorization: `Bearer ${key}` };
}

interface ErrorBody {
  error?: { code?: string; message?: string; path?: string; request_id?: string };
}

/** What a failed answer says, whatever its body is. */
export function errorOf(status: number, text: string): ApiError {
  let told: ErrorBody["error"];
  try {
    told = (decode(text) as ErrorBody).error;
  } catch {
    told = undefined;
  }
  const place = told?.path ? `${told.path}: ` : "";
  return new ApiError(
    status,
    told?.code ?? "unknown",
    place + (told?.message ?? `the server answered ${status}`),
    told?.request_id ?? null,
  );
}

export interface Request {
  method?: string;
  body?: string; // JSON text
  signal?: AbortSignal;
}

export async function ask<T>(path: string, request: Request = {}): Promise<T> {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const init: RequestInit = {
    method: request.method ?? "GET",
    headers: headers(request.body === undefined ? {} : { "Content-Type": "application/json" }),
    signal: request.signal ? eitherOf(request.signal, limit) : limit,
  };
  if (request.body !== undefined) {
    init.body = request.body;
  }
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, init);
    text = await response.text();
  } catch (error) {
    if (request.signal?.aborted) {
      throw error;
    }
    throw new ApiError(0, "unreachable", "the server does not answer");
  }
  if (response.ok) {
    return decode(text) as T;
  }
  if (response.status === 401) {
    keyNeeded.value = true;
  }
  throw errorOf(response.status, text);
}

function eitherOf(first: AbortSignal, second: AbortSignal): AbortSignal {
  const both = new AbortController();
  for (const one of [first, second]) {
    one.addEventListener("abort", () => both.abort(one.reason), { once: true });
  }
  if (first.aborted) {
    both.abort(first.reason);
  }
  return both.signal;
}

/** A path with its query; members that are undefined or empty are left out. */
export function pathOf(path: string, query: Record<string, string | number | undefined>): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") {
      words.set(name, String(value));
    }
  }
  const text = words.toString();
  return text === "" ? path : `${path}?${text}`;
}
