// Asks whether and why, does it, and says how it went.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "./dialog";
import { notify } from "./toast";

interface Props {
  title: string;
  text: string;
  verb: string;
  danger?: boolean;
  wide?: boolean;
  /** Does it; returns what to say. Throws what went wrong. */
  act: (reason: string) => Promise<string>;
  close: () => void;
  children?: ComponentChildren;
}

export function ActDialog({ title, text, verb, danger, wide, act, close, children }: Props) {
  const [reason, setReason] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const run = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      notify(await act(reason));
      close();
    } catch (problem) {
      setError(problem instanceof Error ? problem.message : String(problem));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} wide={wide ?? false} onClose={close}>
      <form onSubmit={(event) => void run(event)}>
        <p>{text}</p>
        {children}
        <label class="field">
          Reason, kept in the history
          <input
            value={reason}
            maxLength={1000}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </label>
        {error && (
          <p class="trouble" role="alert">
            {error}
          </p>
        )}
        <footer>
          <button type="button" onClick={close}>
            Leave as it is
          </button>
          <button type="submit" class={danger ? "primary danger" : "primary"} disabled={busy}>
            {verb}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

interface EditorProps {
  label: string;
  value: string;
  error: string | null;
  onChange: (text: string) => void;
}

export function JsonEditor({ label, value, error, onChange }: EditorProps) {
  return (
    <label class="field">
      {label}
      <textarea
        rows={Math.min(24, Math.max(4, value.split("\n").length + 1))}
        spellcheck={false}
        value={value}
        aria-invalid={error !== null}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      {error && (
        <small class="error-line" role="alert">
          {error}
        </small>
      )}
    </label>
  );
}
