// Short notices of what was done; read out, gone after a while.

import { signal } from "@preact/signals";

interface Notice {
  id: number;
  text: string;
  bad: boolean;
  href?: string;
}

const notices = signal<Notice[]>([]);
let last = 0;

export function notify(text: string, options: { bad?: boolean; href?: string } = {}): void {
  const notice: Notice = { id: ++last, text, bad: options.bad ?? false };
  if (options.href !== undefined) {
    notice.href = options.href;
  }
  notices.value = [...notices.value.slice(-3), notice];
  setTimeout(() => dismiss(notice.id), options.bad ? 12_000 : 6000);
}

function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}

export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map((notice) => (
        <div key={notice.id} class={notice.bad ? "notice bad" : "notice"}>
          {notice.href ? <a href={notice.href}>{notice.text}</a> : notice.text}
          <button type="button" class="link" onClick={() => dismiss(notice.id)}>
            Dismiss
          </button>
        </div>
      ))}
    </div>
  );
}
