// Text that came from somewhere, made such that a reader sees what is in it: control characters, bidi
// marks and other characters without a shape are written as their numbers. Joiners stay: scripts and emoji need them.

const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\udb40[\udc00-\udc7f]/g;

export interface Piece {
  text: string;
  hidden: boolean;
}

function name(char: string): string {
  const point = char.codePointAt(0) ?? 0;
  return `U+${point.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Splits text into what is shown as it is and what is shown by number. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (match.index > from) {
      found.push({ text: text.slice(from, match.index), hidden: false });
    }
    found.push({ text: name(match[0]), hidden: true });
    from = match.index + match[0].length;
  }
  if (from < text.length) {
    found.push({ text: text.slice(from), hidden: false });
  }
  return found;
}

/** The same as one string, for titles and labels. */
export function visible(text: string, length = 300): string {
  const shown = pieces(text.slice(0, length))
    .map((piece) => (piece.hidden ? `⟨${piece.text}⟩` : piece.text))
    .join("");
  return text.length > length ? `${shown}…` : shown;
}

/** Cuts text without splitting a pair of surrogates. */
export function cut(text: string, length: number): string {
  if (text.length <= length) {
    return text;
  }
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}
