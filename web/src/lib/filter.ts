// The filter of the list of tasks: words in a search field ⇄ the address ⇄ the query of the API.

export const FIELDS = [
  "state",
  "namespace",
  "name",
  "version",
  "tag",
  "correlation_id",
  "idempotency_key",
  "initiator",
  "source_system",
  "created_after",
  "created_before",
] as const;

export type Field = (typeof FIELDS)[number];
export type Filter = Partial<Record<Field, string>>;

const SHORT: Record<string, Field> = {
  status: "state",
  ns: "namespace",
  template: "name",
  correlation: "correlation_id",
  key: "idempotency_key",
  source: "source_system",
  after: "created_after",
  since: "created_after",
  before: "created_before",
};

const STATE_WORDS: Record<string, string> = {
  blocked: "blocked_by_failures",
  failed: "blocked_by_failures",
  done: "complete",
  resolved: "resolved_manually",
};

export function filterOf(query: URLSearchParams): Filter {
  const filter: Filter = {};
  for (const field of FIELDS) {
    const value = query.get(field);
    if (value !== null && value !== "") {
      filter[field] = value;
    }
  }
  return filter;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function isUuid(text: string): boolean {
  return UUID.test(text.trim());
}

/** The task of a task's or step's UUID: they differ in the last 16 bits. */
export function taskOf(uuid: string): string {
  return `${uuid.trim().toLowerCase().slice(0, 32)}0000`;
}

/** "state:blocked ns:billing tag:eu" or "billing/invoice:1.0.0"; a quoted value may hold blanks. */
export function parseSearch(text: string): Filter {
  const filter: Filter = {};
  for (const match of text.matchAll(/([a-z_]+)[:=]("[^"]*"|\S+)|(\S+)/gi)) {
    const [, name, value, bare] = match;
    if (name !== undefined && value !== undefined) {
      assign(filter, name.toLowerCase(), value.replace(/^"(.*)"$/, "$1"), match[0]);
    } else if (bare !== undefined) {
      word(filter, bare);
    }
  }
  return filter;
}

function assign(filter: Filter, name: string, value: string, whole: string): void {
  const field = SHORT[name] ?? FIELDS.find((known) => known === name);
  if (field === undefined) {
    word(filter, whole);
  } else if (field === "state") {
    filter.state = STATE_WORDS[value] ?? value;
  } else if (field === "name" && value.includes("/")) {
    word(filter, value);
  } else {
    filter[field] = value;
  }
}

/** namespace/name:version, or a name alone. */
function word(filter: Filter, text: string): void {
  const slash = text.indexOf("/");
  const rest = slash < 0 ? text : text.slice(slash + 1);
  if (slash > 0) {
    filter.namespace = text.slice(0, slash);
  }
  const colon = rest.indexOf(":");
  const name = colon < 0 ? rest : rest.slice(0, colon);
  if (name !== "" && name !== "*") {
    filter.name = name;
  }
  if (colon >= 0 && colon + 1 < rest.length) {
    filter.version = rest.slice(colon + 1);
  }
}

/** What the search field shows for a filter: parseSearch() of it is the filter again. */
export function printSearch(filter: Filter): string {
  const words: string[] = [];
  for (const field of FIELDS) {
    const value = filter[field];
    if (value !== undefined) {
      words.push(`${field}:${/\s/.test(value) ? `"${value}"` : value}`);
    }
  }
  return words.join(" ");
}
