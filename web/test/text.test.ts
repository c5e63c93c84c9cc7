import { describe, expect, it } from "vitest";
import { cut, pieces, visible } from "../src/lib/visible";

describe("visible text", () => {
  it("is left alone when nothing hides in it", () => {
    const text = "Grüße, 世界 <script>alert(1)</script> 👩‍🚀 می‌خواهم";
    expect(pieces(text)).toEqual([{ text, hidden: false }]);
  });

  it("shows marks that turn the direction by their numbers", () => {
    expect(visible("a\u202Egnp.exe")).toBe("a⟨U+202E⟩gnp.exe");
    expect(pieces("\u2066x")).toEqual([
      { text: "U+2066", hidden: true },
      { text: "x", hidden: false },
    ]);
  });

  it("shows control characters, byte order marks and lone surrogates", () => {
    expect(visible("\u0000\u001b[31m\ufeff\ud800")).toBe("⟨U+0000⟩⟨U+001B⟩[31m⟨U+FEFF⟩⟨U+D800⟩");
  });

  it("keeps line breaks, tabs and whole surrogate pairs", () => {
    expect(visible("a\n\tb 😀")).toBe("a\n\tb 😀");
  });

  it("is cut, but not within a character", () => {
    expect(cut("abc", 3)).toBe("abc");
    expect(cut("ab😀", 3)).toBe("ab");
    expect(visible("x".repeat(1_000_000)).length).toBe(301);
  });
});
