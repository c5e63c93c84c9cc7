// The frame around every page: navigation, search, the state of the connection, help.

import type { FunctionComponent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { keyNeeded } from "./api/client";
import { connection } from "./api/stream";
import { isUuid, parseSearch, taskOf } from "./lib/filter";
import { useKeys } from "./lib/keys";
import { go, hrefOf, route } from "./lib/route";
import { theme, themeNext } from "./lib/theme";
import { Failures } from "./pages/failures";
import { Overview } from "./pages/overview";
import { TaskPage } from "./pages/task";
import { Tasks } from "./pages/tasks";
import { TemplatePage } from "./pages/template";
import { Templates } from "./pages/templates";
import { Workers } from "./pages/workers";
import { Empty, Icon } from "./ui/bits";
import { Help } from "./ui/help";
import { KeyDialog } from "./ui/key";
import { Notices } from "./ui/toast";

interface Place {
  word: string;
  label: string;
  key: string;
  page: FunctionComponent;
}

const PLACES: Place[] = [
  { word: "", label: "Overview", key: "o", page: Overview },
  { word: "tasks", label: "Tasks", key: "t", page: Tasks },
  { word: "failures", label: "Failures", key: "f", page: Failures },
  { word: "templates", label: "Templates", key: "e", page: Templates },
  { word: "workers", label: "Workers", key: "w", page: Workers },
];

function hrefFor(place: Place): string {
  return place.word === "" ? "#/" : `#/${place.word}`;
}

function Page() {
  const { path } = route.value;
  const [first = "", second, third, fourth] = path;
  if (first === "tasks" && second !== undefined) {
    return <TaskPage key={second} uuid={second} />;
  }
  if (first === "templates" && second && third && fourth) {
    return <TemplatePage key={path.join("/")} namespace={second} name={third} version={fourth} />;
  }
  const place = PLACES.find((known) => known.word === first && second === undefined);
  if (place) {
    return <place.page />;
  }
  return (
    <Empty title="There is no such page">
      <p>
        <a href="#/">To the overview</a>
      </p>
    </Empty>
  );
}

function Search() {
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  useKeys({
    "/": () => {
      field.current?.focus();
      field.current?.select();
    },
  });
  const submit = (event: Event) => {
    event.preventDefault();
    const wanted = text.trim();
    if (isUuid(wanted)) {
      go(hrefOf(["tasks", taskOf(wanted)]));
      setText("");
    } else {
      go(hrefOf(["tasks"], parseSearch(wanted)));
    }
    field.current?.blur();
  };
  return (
    <form class="search" role="search" onSubmit={submit}>
      <Icon name="search" />
      <input
        ref={field}
        type="search"
        value={text}
        placeholder="Task id, or namespace/name state:blocked"
        aria-label="Search tasks"
        title="A task's or step's id, or words: billing/invoice state:blocked tag:eu key:order-7"
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") {
            event.currentTarget.blur();
          }
        }}
      />
      <kbd>/</kbd>
    </form>
  );
}

const CONNECTION: Record<string, string> = {
  connecting: "connecting",
  live: "live",
  lost: "no connection",
};

function Live() {
  const state = connection.value;
  if (state === "idle") {
    return null; // nothing on this page moves
  }
  return (
    <span class={`live live-${state}`} role="status" title="Changes are shown as they happen">
      <i aria-hidden="true" />
      <span>{CONNECTION[state]}</span>
    </span>
  );
}

function Navigation() {
  const first = route.value.path[0] ?? "";
  return (
    <nav aria-label="Pages">
      {PLACES.map((place) => (
        <a
          key={place.word}
          href={hrefFor(place)}
          aria-current={place.word === first ? "page" : undefined}
          title={`g ${place.key}`}
        >
          {place.label}
        </a>
      ))}
    </nav>
  );
}

function Lost() {
  if (connection.value !== "lost") {
    return null;
  }
  return (
    <div class="lost" role="alert">
      The server does not answer. What is shown may be old; it is brought up to date as soon as the
      server is back.
    </div>
  );
}

export function App() {
  const [help, setHelp] = useState(false);
  useKeys({
    "?": () => setHelp(true),
    ...Object.fromEntries(PLACES.map((place) => [`g ${place.key}`, () => go(hrefFor(place))])),
  });
  const here = route.value.path.join("/");
  useEffect(() => {
    scrollTo(0, 0);
    const place = PLACES.find((known) => known.word === (here.split("/")[0] ?? ""));
    document.title = `${place?.label ?? "Tasker"} · Tasker`;
  }, [here]);
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        To the content
      </button>
      <header class="top">
        <a class="brand" href="#/" aria-label="Tasker, overview">
          <Mark />
          <span>Tasker</span>
        </a>
        <Navigation />
        <Search />
        <div class="tools">
          <Live />
          <button
            type="button"
            class="icon-button"
            aria-label="API key"
            title="API key"
            onClick={() => {
              keyNeeded.value = true;
            }}
          >
            <Icon name="key" />
          </button>
          <button
            type="button"
            class="icon-button"
            onClick={themeNext}
            title={`Colours: ${theme.value}`}
            aria-label={`Colours: ${theme.value}`}
          >
            <Icon name={theme.value} />
          </button>
          <button
            type="button"
            class="icon-button"
            onClick={() => setHelp(true)}
            title="Help (?)"
            aria-label="Help"
          >
            <Icon name="help" />
          </button>
        </div>
      </header>
      <Lost />
      <main id="main" tabIndex={-1}>
        <Page />
      </main>
      {help && <Help onClose={() => setHelp(false)} />}
      {keyNeeded.value && <KeyDialog />}
      <Notices />
    </>
  );
}

/** The address behind # says where we are, so this is no link. */
function skip(): void {
  document.getElementById("main")?.focus();
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true" class="mark">
      <rect width="32" height="32" rx="8" fill="var(--accent)" />
      <path
        d="M9 16h5m4-5.5h-1.5c-2 0-2.5 1.5-2.5 3v5c0 1.5.5 3 2.5 3H18"
        fill="none"
        stroke="#fff"
        stroke-width="2"
      />
      <circle cx="8.5" cy="16" r="3" fill="#fff" />
      <circle cx="22" cy="10.5" r="3" fill="#fff" />
      <circle cx="22" cy="21.5" r="3" fill="#7ee2b0" />
    </svg>
  );
}
