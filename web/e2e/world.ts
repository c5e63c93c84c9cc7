// A real server and a real Ruby worker on a store of their own, in a folder that goes with them.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BUILD = resolve(ROOT, process.env["BUILD_DIR"] ?? "build/release");

/** Asks until `ask` says something true. */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  seconds = 20,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const found = await ask();
    if (found) {
      return found as NonNullable<T>;
    }
    if (Date.now() > deadline) {
      throw new Error(`${what} did not come within ${seconds} s`);
    }
    await new Promise((done) => setTimeout(done, 25));
  }
}

export class World {
  readonly folder = mkdtempSync(join(tmpdir(), "tasker-web."));
  address = "";

  private readonly templates = join(this.folder, "templates");

  /** Templates come from folders of the repository, and from `more`: names of files and their YAML. */
  constructor(folders: string[], more: Record<string, string> = {}) {
    mkdirSync(this.templates);
    folders.forEach((folder, index) => {
      const to = join(this.templates, String(index));
      cpSync(join(ROOT, folder), to, { recursive: true });
    });
    for (const [name, text] of Object.entries(more)) {
      writeFileSync(join(this.templates, name), text);
    }
    this.tasker("template", "put", this.templates);
  }

  private server: ChildProcess | null = null;
  private worker: ChildProcess | null = null;

  private get env(): NodeJS.ProcessEnv {
    const {
      TASKER_SERVER: _server,
      TASKER_API_KEY: _key,
      DATABASE_URL: _url,
      ...env
    } = process.env;
    return {
      ...env,
      TASKER_STORE: `sqlite:${join(this.folder, "web.db")}`,
      TASKER_TEMPLATE_PATH: this.templates,
    };
  }

  /** Runs `tasker …` on the store; what it prints. */
  tasker(...words: string[]): string {
    const options = { env: this.env, cwd: ROOT, encoding: "utf8", maxBuffer: 1 << 26 } as const;
    return execFileSync(join(BUILD, "tasker"), words, options).trim();
  }

  submit(template: string, context: string, ...more: string[]): string {
    const file = join(this.folder, "context.json");
    writeFileSync(file, context);
    return this.tasker("submit", template, "--context", `@${file}`, ...more);
  }

  /** A folder for one task's gates. */
  gates(name: string): {
    context: string;
    open: (...steps: string[]) => void;
    close: (step: string) => void;
  } {
    const path = join(this.folder, name);
    mkdirSync(path);
    return {
      context: JSON.stringify({ folder: path }),
      open: (...steps) => {
        for (const step of steps) {
          writeFileSync(join(path, step), "");
        }
      },
      close: (step) => rmSync(join(path, step)),
    };
  }

  private spawn(name: string, command: string, words: string[]): ChildProcess {
    const log = openSync(join(this.folder, `${name}.log`), "a");
    const child = spawn(command, words, { env: this.env, cwd: ROOT, stdio: ["ignore", log, log] });
    closeSync(log);
    return child;
  }

  log(name: string): string {
    return readFileSync(join(this.folder, `${name}.log`), "utf8");
  }

  /** The second time it listens where it did before. */
  async serve(): Promise<void> {
    const listen = this.address === "" ? "127.0.0.1:0" : this.address.replace("http://", "");
    const words = ["serve", "--listen", listen, "--access-log", "off"];
    this.server = this.spawn("server", join(BUILD, "tasker"), words);
    const found = await until("the server's address", () => {
      if (this.server?.exitCode !== null) {
        throw new Error(`the server ended: ${this.log("server")}`);
      }
      return /http:\/\/\S+/.exec(this.log("server"));
    });
    this.address = found[0];
    await until("an answer of the server", () =>
      fetch(`${this.address}/health`).then(
        (answer) => answer.ok,
        () => false,
      ),
    );
  }

  async work(handlers: string): Promise<void> {
    const worker = "bindings/ruby/exe/tasker-worker";
    this.worker = this.spawn("worker", "ruby", ["-I", "bindings/ruby/lib", worker, "-r", handlers]);
    await until("the worker", () => {
      if (this.worker?.exitCode !== null) {
        throw new Error(`the worker ended: ${this.log("worker")}`);
      }
      return this.tasker("worker", "list", "--json").includes('"pid"');
    });
  }

  private end(child: ChildProcess | null): Promise<void> {
    if (child === null || child.exitCode !== null || child.signalCode !== null) {
      return Promise.resolve();
    }
    return new Promise((done) => {
      const hard = setTimeout(() => child.kill("SIGKILL"), 8000);
      child.once("exit", () => {
        clearTimeout(hard);
        done();
      });
      child.kill("SIGTERM");
    });
  }

  endServer(): Promise<void> {
    return this.end(this.server);
  }

  endWorker(): Promise<void> {
    return this.end(this.worker);
  }

  async leave(): Promise<void> {
    await Promise.all([this.endServer(), this.endWorker()]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
