// Slack's dates, in the time zone of the person who reads them.

/** The time of a message, from its `ts`. */
export function timeOf(ts: string, zone: string | undefined): string {
  return format(Number(ts) * 1000, { hour: "2-digit", minute: "2-digit" }, zone);
}

/** What `<!date^…>` shows: its tokens replaced, the words around them kept. */
export function formatDate(timestamp: string, pattern: string, fallback: string, zone: string | undefined): string {
  const ms = Number(timestamp) * 1000;
  if (!Number.isFinite(ms)) return fallback;
  return pattern.replace(/\{(\w+)\}/g, (token, name: string) => tokenOf(name, ms, zone) ?? token);
}

function tokenOf(name: string, ms: number, zone: string | undefined): string | undefined {
  const day = (options: Intl.DateTimeFormatOptions) => format(ms, options, zone);
  switch (name) {
    case "date_num":
      return new Intl.DateTimeFormat("sv-SE", { timeZone: zone }).format(ms);
    case "date":
      return day({ dateStyle: "long" });
    case "date_short":
      return day({ dateStyle: "medium" });
    case "date_long":
      return day({ dateStyle: "full" });
    case "date_pretty":
      return relative(ms, zone) ?? day({ dateStyle: "long" });
    case "date_short_pretty":
      return relative(ms, zone) ?? day({ dateStyle: "medium" });
    case "date_long_pretty":
      return relative(ms, zone) ?? day({ dateStyle: "full" });
    case "time":
      return day({ hour: "2-digit", minute: "2-digit" });
    case "time_secs":
      return day({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
    default:
      return undefined;
  }
}

function relative(ms: number, zone: string | undefined): string | undefined {
  const dayOf = (at: number) => new Intl.DateTimeFormat("sv-SE", { timeZone: zone }).format(at);
  const today = Date.now();
  const names: [number, string][] = [
    [0, "today"],
    [-86_400_000, "yesterday"],
    [86_400_000, "tomorrow"],
  ];
  return names.find(([shift]) => dayOf(ms) === dayOf(today + shift))?.[1];
}

function format(ms: number, options: Intl.DateTimeFormatOptions, zone: string | undefined): string {
  return new Intl.DateTimeFormat(undefined, { ...options, timeZone: zone }).format(ms);
}
