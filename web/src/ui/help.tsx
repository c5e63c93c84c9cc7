import { Dialog } from "./dialog";

const KEYS: [string, string][] = [
  ["/", "search"],
  ["g o", "overview"],
  ["g t", "tasks"],
  ["g f", "failures"],
  ["g e", "templates"],
  ["g w", "workers"],
  ["j · k", "next, previous row or step"],
  ["Enter", "open it"],
  ["x", "choose a task; Shift-click chooses a range"],
  ["Esc", "close, or give the choice up"],
  ["?", "this help"],
];

const WORDS: [string, string][] = [
  ["01a2…", "a task's or step's id opens the task"],
  ["billing/invoice:1.0.0", "namespace, template, version"],
  ["state:blocked", "also running, complete, cancelled, error, resolved"],
  ["tag:eu", "a tag"],
  ["key:order-7", "an idempotency key"],
  ["correlation:…", "a correlation id"],
  ["since:2026-01-31T08:00:00Z", "a time; before: is the other end"],
];

function Rows({ rows }: { rows: [string, string][] }) {
  return (
    <dl class="keys">
      {rows.map(([key, text]) => (
        <div key={key}>
          <dt>
            <kbd>{key}</kbd>
          </dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Help" wide onClose={onClose}>
      <div class="columns">
        <section>
          <h3>Keys</h3>
          <Rows rows={KEYS} />
        </section>
        <section>
          <h3>Words of the search field</h3>
          <Rows rows={WORDS} />
          <p class="faint">
            Times are shown in your zone; UTC on hover. For programs:{" "}
            <a href="/api-docs/ui">the HTTP interface</a>.
          </p>
        </section>
      </div>
    </Dialog>
  );
}
