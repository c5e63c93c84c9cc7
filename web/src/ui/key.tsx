// Asks for the API key when the server does.

import { useState } from "preact/hooks";
import { keyNeeded, keyPresent, keySet } from "../api/client";
import { Command } from "./bits";
import { Dialog } from "./dialog";

/** Pages load anew when this changes. */
export function KeyDialog() {
  const [text, setText] = useState("");
  const [keep, setKeep] = useState(false);
  const submit = (event: Event) => {
    event.preventDefault();
    keySet(text, keep);
    keyNeeded.value = false;
    location.reload();
  };
  return (
    <Dialog
      title="API key"
      onClose={() => {
        keyNeeded.value = false;
      }}
    >
      <form onSubmit={submit}>
        <p>
          {keyPresent()
            ? "A key is in use. Another one replaces it; an empty one forgets it."
            : "The server may ask for a key. It is sent with each request, and kept in this tab only unless you say otherwise."}
        </p>
        <label class="field">
          Key
          <input
            type="password"
            autocomplete="off"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={keep}
            onChange={(event) => setKeep(event.currentTarget.checked)}
          />
          Keep it in this browser
        </label>
        <p class="faint">Who has the store can make one:</p>
        <Command text="tasker key create --name dashboard" />
        <footer>
          <button type="submit" class="primary">
            Use this key
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
