// Times, durations and names, as a person reads them.

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

export function clock(ms: number): string {
  return CLOCK.format(ms);
}

/** `84 ms`, `2.1 s`, `3 min`. */
export function duration(ms: number): string {
  if (ms < 1) return "1 ms";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`;
  return `${Math.round(ms / 60_000)} min`;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The last part of an Azure resource id. */
export function lastPart(id: string): string {
  return id.slice(id.lastIndexOf("/") + 1);
}

export function plural(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? "" : "s"}`;
}
