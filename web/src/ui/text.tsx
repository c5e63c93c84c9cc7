// Text from anywhere: shown as text, isolated from its surroundings, and not all at once when it is long.

import { useState } from "preact/hooks";
import { cut, pieces } from "../lib/visible";

const SHOWN = 4000;
const MORE = 100_000;

function Pieces({ text }: { text: string }) {
  const parts = pieces(text);
  if (parts.length === 1 && !parts[0]?.hidden) {
    return <>{text}</>;
  }
  return (
    <>
      {parts.map((part, index) =>
        part.hidden ? (
          <span key={index} class="hidden-char" title="a character without a shape">
            {part.text}
          </span>
        ) : (
          part.text
        ),
      )}
    </>
  );
}

/** One line of text; cut by the style sheet where it does not fit. */
export function Text({ children, max = 300 }: { children: string; max?: number }) {
  const shown = cut(children, max);
  return (
    <bdi>
      <Pieces text={shown} />
      {shown.length < children.length && "…"}
    </bdi>
  );
}

/** A block of text with its line breaks, a portion at a time. */
export function Block({ text, label }: { text: string; label?: string }) {
  const [length, setLength] = useState(SHOWN);
  const shown = cut(text, length);
  return (
    <div class="block">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
      <pre class="block-text" tabIndex={0} aria-label={label} role="region">
        <bdi>
          <Pieces text={shown} />
        </bdi>
      </pre>
      {shown.length < text.length && (
        <button type="button" class="link" onClick={() => setLength(length + MORE)}>
          Show more ({(text.length - shown.length).toLocaleString()} characters are left)
        </button>
      )}
    </div>
  );
}
