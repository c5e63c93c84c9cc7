// Times and lengths of time, for people.

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const dayClock = new Intl.DateTimeFormat(undefined, {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

/** Milliseconds since 1970, with the microseconds as a fraction. */
export function millis(at: string): number {
  const micros = /\.\d{3}(\d{1,3})/.exec(at)?.[1] ?? "";
  return Date.parse(at) + Number(micros.padEnd(3, "0")) / 1000;
}

/** "3.2 ms", "1.24 s", "2 min 5 s", "3 h 12 min", "4 d 2 h". */
export function duration(ms: number): string {
  const span = Math.max(0, ms);
  if (span < 1) {
    return `${Math.round(span * 1000)} µs`;
  }
  if (span < 1000) {
    return `${span < 10 ? span.toFixed(1) : Math.round(span)} ms`;
  }
  const seconds = span / 1000;
  if (seconds < 60) {
    return `${seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(1)} s`;
  }
  const units: [number, string, number, string][] = [
    [60, "min", 1, "s"],
    [3600, "h", 60, "min"],
    [86400, "d", 3600, "h"],
  ];
  const [size, name, part, partName] =
    units.findLast(([unit]) => seconds >= unit) ?? (units[0] as [number, string, number, string]);
  const whole = Math.floor(seconds / size);
  const rest = Math.floor((seconds - whole * size) / part);
  return rest > 0 ? `${whole} ${name} ${rest} ${partName}` : `${whole} ${name}`;
}

/** The same for a place on an axis: "5 s", not "5.00 s". */
export function mark(ms: number): string {
  return ms === 0 ? "0" : duration(ms).replace(/\.0+(?= )/, "");
}

/** "now", "12 s ago", "in 3 min". */
export function relative(at: number, now: number): string {
  const ms = now - at;
  const span = Math.abs(ms);
  if (span < 1500) {
    return "now";
  }
  const units: [number, string][] = [
    [1000, "s"],
    [60_000, "min"],
    [3_600_000, "h"],
    [86_400_000, "d"],
  ];
  const [size, name] = units.findLast(([unit]) => span >= unit) ?? [1000, "s"];
  const text = `${Math.floor(span / size)} ${name}`;
  return ms >= 0 ? `${text} ago` : `in ${text}`;
}

/** The viewer's time of day, with the day when it is not today. */
export function local(at: number, now: number): string {
  const sameDay = new Date(at).toDateString() === new Date(now).toDateString();
  return (sameDay ? clock : dayClock).format(at);
}

/** For the hover: the server's own words (UTC) and the viewer's. */
export function exact(at: string): string {
  const utc = at.replace("T", " ").replace(/Z$/, "");
  return `${utc} UTC\n${full.format(Date.parse(at))}`;
}

/** A number of things, with the viewer's separators; "10,000+" when it is only a lower bound. */
export function count(value: number, isExact = true): string {
  return value.toLocaleString() + (isExact ? "" : "+");
}

/** "1 step", "12 steps". */
export function things(value: number, thing: string, isExact = true): string {
  return `${count(value, isExact)} ${thing}${value === 1 ? "" : "s"}`;
}

export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, value)) / 10));
  const size = value / 1024 ** power;
  return `${size < 10 && power > 0 ? size.toFixed(1) : Math.round(size)} ${units[power]}`;
}
