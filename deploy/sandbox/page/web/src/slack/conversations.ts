import type { App, Channel, Message } from "./types";

export interface Conversation {
  id: string;
  title: string;
  /** What an act calls it. */
  ref: string;
  direct: boolean;
  /** Oldest first, without the replies in threads. */
  messages: Message[];
  replies: ReadonlyMap<string, Message[]>;
  newest: string;
}

/** The home tab's place among the conversations. */
export const HOME = "home";
/** A person's direct messages with the app, which exist for Slack only once something was said. */
export const APP = "app";

/** The conversations of a person: the app's direct messages first, then channels. */
export function conversationsOf(
  channels: ReadonlyMap<string, Channel>,
  messages: ReadonlyMap<string, Message>,
  app: App | undefined,
): Conversation[] {
  const byChannel = new Map<string, Message[]>();
  for (const message of messages.values()) {
    const those = byChannel.get(message.channel);
    if (those) those.push(message);
    else byChannel.set(message.channel, [message]);
  }
  const all = [...channels.values()];
  const direct = all.filter((channel) => channel.kind === "im");
  const others = all.filter((channel) => channel.kind !== "im");
  const first = direct.map((channel) => ({ ...conversation(channel, byChannel), id: APP, ref: APP }));
  const name = app?.name ?? "App";
  if (first.length === 0) first.push({ ...nothing(), id: APP, ref: APP });
  return [
    ...first.map((each) => ({ ...each, title: name, direct: true })),
    ...others.map((channel) => conversation(channel, byChannel)),
  ];
}

function nothing(): Conversation {
  return { id: "", title: "", ref: "", direct: false, messages: [], replies: new Map(), newest: "" };
}

function conversation(channel: Channel, byChannel: Map<string, Message[]>): Conversation {
  const all = (byChannel.get(channel.id) ?? []).sort((one, other) => (one.ts < other.ts ? -1 : 1));
  const roots: Message[] = [];
  const replies = new Map<string, Message[]>();
  const known = new Set(all.map((message) => message.ts));
  for (const message of all) {
    const parent = message.thread_ts;
    if (parent && parent !== message.ts && known.has(parent)) {
      const those = replies.get(parent);
      if (those) those.push(message);
      else replies.set(parent, [message]);
    } else {
      roots.push(message);
    }
  }
  return {
    id: channel.id,
    title: channel.kind === "channel" ? `#${channel.name}` : channel.name,
    ref: channel.id,
    direct: false,
    messages: roots,
    replies,
    newest: all.at(-1)?.ts ?? "",
  };
}
