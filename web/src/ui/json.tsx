// A payload as a tree to fold and unfold. Numbers are shown as they were written, strings as text; what
// is folded is not drawn, long lists a portion at a time.

import { useMemo, useState } from "preact/hooks";
import type { Payload } from "../api/decode";
import { brief, type Node, parse, print, sizeOf } from "../lib/json";
import { Copy } from "./bits";
import { Block, Text } from "./text";

const OPEN_DEPTH = 2;
const OPEN_SIZE = 40;
const PORTION = 100;
const INLINE = 160;

export function JsonView({ payload, label }: { payload: Payload; label: string }) {
  const tree = useMemo(() => {
    try {
      return parse(payload.text);
    } catch {
      return null;
    }
  }, [payload.text]);
  if (tree === null) {
    return <Block text={payload.text} label={label} />;
  }
  return (
    <section class="json" aria-label={label}>
      <div class="json-tools">
        <span class="faint">{payload.text.length.toLocaleString()} characters</span>
        <Copy text={print(tree)} what={label} />
      </div>
      <Branch value={tree} depth={0} />
    </section>
  );
}

function Leaf({ value }: { value: Node }) {
  if (value.kind === "string") {
    return value.value.length > INLINE || value.value.includes("\n") ? (
      <div class="json-long">
        <Block text={value.value} />
      </div>
    ) : (
      <span class="json-string">
        "<Text>{value.value}</Text>"
      </span>
    );
  }
  return <span class={`json-${value.kind}`}>{"text" in value ? value.text : brief(value)}</span>;
}

function Branch({ name, value, depth }: { name?: string; value: Node; depth: number }) {
  const size = sizeOf(value);
  const [open, setOpen] = useState(depth < OPEN_DEPTH && size <= OPEN_SIZE);
  const label =
    name === undefined ? null : (
      <span class="json-name">
        <Text>{name}</Text>:{" "}
      </span>
    );
  if ((value.kind !== "object" && value.kind !== "array") || size === 0) {
    return (
      <div class="json-line">
        {label}
        <Leaf value={value} />
      </div>
    );
  }
  return (
    <div class="json-branch">
      <button type="button" class="json-fold" aria-expanded={open} onClick={() => setOpen(!open)}>
        {label}
        <span class="faint">{value.kind === "array" ? `[ ${size} ]` : `{ ${size} }`}</span>
      </button>
      {open && <Children value={value} depth={depth + 1} />}
    </div>
  );
}

function Children({ value, depth }: { value: Node; depth: number }) {
  const [shown, setShown] = useState(PORTION);
  const entries: [string, Node][] =
    value.kind === "object"
      ? value.entries
      : value.kind === "array"
        ? value.items.map((item, index) => [String(index), item])
        : [];
  return (
    <div class="json-children">
      {entries.slice(0, shown).map(([name, item], index) => (
        <Branch key={index} name={name} value={item} depth={depth} />
      ))}
      {entries.length > shown && (
        <button type="button" class="link" onClick={() => setShown(shown + 10 * PORTION)}>
          Show more ({entries.length - shown} are left)
        </button>
      )}
    </div>
  );
}
