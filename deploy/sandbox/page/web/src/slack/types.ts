// Slack's own shapes, as far as the page reads them.

export interface Text {
  type: string;
  text: string;
}

export interface Confirm {
  title?: Text;
  text?: Text;
  confirm?: Text;
  deny?: Text;
  style?: string;
}

export interface Option {
  text: Text;
  value?: string;
  description?: Text;
}

export interface Element {
  type: string;
  action_id?: string;
  text?: Text;
  value?: string;
  url?: string;
  style?: string;
  confirm?: Confirm;
  placeholder?: Text;
  options?: Option[];
  option_groups?: { label: Text; options: Option[] }[];
  initial_option?: Option;
  initial_options?: Option[];
  initial_value?: string;
  initial_date?: string;
  initial_time?: string;
  initial_user?: string;
  initial_channel?: string;
  initial_conversation?: string;
  multiline?: boolean;
  max_length?: number;
  min_query_length?: number;
  accessibility_label?: string;
  [more: string]: unknown;
}

export interface Block {
  type: string;
  block_id?: string;
  text?: Text;
  label?: Text;
  hint?: Text;
  optional?: boolean;
  dispatch_action?: boolean;
  element?: Element;
  elements?: Element[];
  accessory?: Element;
  [more: string]: unknown;
}

export interface Message {
  ts: string;
  channel: string;
  user: string;
  text: string;
  blocks?: Block[];
  attachments?: { blocks?: Block[]; color?: string; text?: string }[];
  thread_ts?: string;
  ephemeral_for: string | null;
  edited?: unknown;
  reactions?: { name: string; count: number }[];
  state?: { values?: Values };
  subtype?: string;
  files?: { id: string; name: string; title: string; alt_txt?: string }[];
}

export type Values = Record<string, Record<string, StateValue>>;
export type StateValue = Record<string, unknown> & { type: string };

export interface Channel {
  id: string;
  name: string;
  kind: "channel" | "im" | "mpim";
  archived: boolean;
  members: string[];
}

export interface Person {
  id: string;
  key: string;
  name: string;
  handle: string;
  tz: string;
  deleted: boolean;
  is_bot: boolean;
}

export interface Usergroup {
  id: string;
  handle: string;
  name: string;
  users: string[];
}

export interface Command {
  command: string;
  description: string;
  usage_hint: string;
}

export interface View {
  id: string;
  type: "modal" | "home";
  title: Text;
  submit: Text | null;
  close: Text | null;
  blocks: Block[];
  hash: string;
  state: { values: Values };
  previous_view_id: string | null;
}

export interface App {
  name: string;
  user: string;
  has_home?: boolean;
}

/** What an act answers. */
export interface Ack {
  ok?: boolean;
  error?: string;
  message?: string;
  messages?: string[];
  needs_confirm?: Confirm;
  errors?: Record<string, string>;
  closed?: boolean;
  view_id?: string;
  options?: Option[];
  option_groups?: { label: Text; options: Option[] }[];
  view?: unknown;
}
