// Reads the JSON of the server. Payloads (contexts, results) are not read but kept as the text they
// came as, so that no number, order or repeated member in them changes; json.ts shows them.

/** A payload: JSON text, exactly as the server sent it. */
export class Payload {
  constructor(readonly text: string) {}

  get isNull(): boolean {
    return this.text === "null";
  }
}

const PAYLOADS = new Set(["context", "results", "result", "metadata", "input_schema", "handler"]);
const SPACE = /[\t\n\r ]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const PLAIN = /[^"\\]*/y;

export class JsonError extends Error {
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(`${message} (character ${at + 1})`);
  }
}

/** A scanner over JSON text, shared by decode() and the reader of payloads. */
export class Scanner {
  at = 0;
  constructor(readonly text: string) {}

  space(): void {
    SPACE.lastIndex = this.at;
    SPACE.exec(this.text);
    this.at = SPACE.lastIndex;
  }

  fail(what: string): never {
    throw new JsonError(this.at >= this.text.length ? "the JSON ends too early" : what, this.at);
  }

  take(char: string): boolean {
    if (this.text[this.at] !== char) {
      return false;
    }
    this.at++;
    return true;
  }

  need(char: string): void {
    if (!this.take(char)) {
      this.fail(`expected ${char}`);
    }
  }

  word(word: string): void {
    if (!this.text.startsWith(word, this.at)) {
      this.fail("expected a JSON value");
    }
    this.at += word.length;
  }

  number(): string {
    NUMBER.lastIndex = this.at;
    const found = NUMBER.exec(this.text);
    if (found === null) {
      this.fail("expected a JSON value");
    }
    this.at = NUMBER.lastIndex;
    return found[0];
  }

  string(): string {
    const start = this.at;
    this.need('"');
    let escaped = false;
    for (;;) {
      PLAIN.lastIndex = this.at;
      PLAIN.exec(this.text);
      this.at = PLAIN.lastIndex;
      if (this.take('"')) {
        break;
      }
      if (!this.take("\\")) {
        this.fail("a string does not end");
      }
      escaped = true;
      this.at++;
    }
    if (!escaped) {
      const plain = this.text.slice(start + 1, this.at - 1);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in strings
      if (/[\u0000-\u001f]/.test(plain)) {
        this.at = start;
        this.fail("a control character stands in a string");
      }
      return plain;
    }
    try {
      return JSON.parse(this.text.slice(start, this.at)) as string;
    } catch {
      this.at = start;
      return this.fail("a string has an escape that JSON does not know");
    }
  }

  /** Steps over a list's or object's elements; `element` reads one. */
  elements(close: string, element: () => void): void {
    this.at++;
    this.space();
    if (this.take(close)) {
      return;
    }
    do {
      this.space();
      element();
      this.space();
    } while (this.take(","));
    this.need(close);
  }

  end(): void {
    this.space();
    if (this.at < this.text.length) {
      this.fail("something follows the JSON");
    }
  }
}

function skip(scan: Scanner): void {
  switch (scan.text[scan.at]) {
    case "{":
      scan.elements("}", () => {
        scan.string();
        scan.space();
        scan.need(":");
        scan.space();
        skip(scan);
      });
      return;
    case "[":
      scan.elements("]", () => skip(scan));
      return;
    case '"':
      scan.string();
      return;
    case "t":
      scan.word("true");
      return;
    case "f":
      scan.word("false");
      return;
    case "n":
      scan.word("null");
      return;
    default:
      scan.number();
  }
}

/** Checks JSON text; throws JsonError where it is wrong. */
export function check(text: string): void {
  const scan = new Scanner(text);
  scan.space();
  skip(scan);
  scan.end();
}

function object(scan: Scanner): Record<string, unknown> {
  const members = Object.create(null) as Record<string, unknown>;
  scan.elements("}", () => {
    const name = scan.string();
    scan.space();
    scan.need(":");
    scan.space();
    if (PAYLOADS.has(name)) {
      const start = scan.at;
      skip(scan);
      members[name] = new Payload(scan.text.slice(start, scan.at));
    } else {
      members[name] = value(scan);
    }
  });
  return members;
}

function list(scan: Scanner): unknown[] {
  const elements: unknown[] = [];
  scan.elements("]", () => elements.push(value(scan)));
  return elements;
}

function value(scan: Scanner): unknown {
  switch (scan.text[scan.at]) {
    case "{":
      return object(scan);
    case "[":
      return list(scan);
    case '"':
      return scan.string();
    case "t":
      scan.word("true");
      return true;
    case "f":
      scan.word("false");
      return false;
    case "n":
      scan.word("null");
      return null;
    default:
      return Number(scan.number());
  }
}

/** Reads an answer of the server; members that hold payloads become Payload. */
export function decode(text: string): unknown {
  const scan = new Scanner(text);
  scan.space();
  const read = value(scan);
  scan.end();
  return read;
}
