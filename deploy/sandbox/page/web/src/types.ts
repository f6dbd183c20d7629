// What the page's server tells. Only what is read here is typed; the rest stays unknown.

export type Tone = "danger" | "waiting" | "fine" | "quiet";
export type StageState = "todo" | "now" | "done" | "failed" | "skipped" | "alarm";

export interface Running {
  id: string;
  name: string;
  progress: number;
}

export interface Nic {
  id: string;
  name: string;
  nsg: string | null;
  nsg_name: string | null;
  subnet_nsg: string | null;
  open_ports: string[];
  private_ip: string | null;
  public_ip: string | null;
  operation: Running | null;
}

export interface Vm {
  id: string;
  name: string;
  group: string;
  subscription: string;
  location: string;
  size: string;
  classic: boolean;
  tags: Record<string, string>;
  power: string;
  operation: Running | null;
  nics: Nic[];
  open_ports: string[];
  public_ips: string[];
  backup: { status: string; [more: string]: unknown };
  locks: { id: string; name: string; level: string }[];
  snapshots: string[];
  host_encrypted: boolean;
  classic_nsg: unknown;
  began?: { id: string; at_ms: number; for_s: number };
}

export interface Nsg {
  id: string;
  name: string;
  location: string;
}

export interface Principal {
  key: string;
  kind: string;
  name: string;
  role: string;
  mfa: boolean;
  app: string;
}

export interface WorldPerson {
  key: string;
  slack: string;
  name: string;
  email: string;
}

export interface Signal {
  id: string;
  threat: "unauthorized access" | "malicious activity" | "misconfiguration";
  weight: number;
  sentence: string;
}

export interface Stage {
  key: string;
  title: string;
  state: StageState;
  text: string;
  at_ms?: number;
  took_ms?: number;
  bars?: [string, number][];
  signals?: Signal[];
}

export interface Way {
  id: string;
  kind: "start" | "order";
  vm: { id: string; name: string; group: string };
  at_ms: number;
  who: string;
  tone: Tone;
  stages: Stage[];
  documents: string[];
  version: string;
}

export interface RecordEntry {
  seq: number;
  at_ms: number;
  kind: string;
  [more: string]: unknown;
}

export interface BusMessage {
  queue: string;
  message_id: string;
  deliveries: number;
  happened: RecordEntry[];
}

export interface AuditRecord {
  kind: string;
  at: string;
  about: string;
  by: string;
  details: Record<string, unknown>;
}

export interface WayDetail {
  row: Way;
  documents: Record<string, Record<string, unknown>>;
  due: Record<string, number>;
  audit: AuditRecord[];
  events: RecordEntry[];
  bus: BusMessage[];
  azure: RecordEntry[];
  slack: RecordEntry[];
}

export interface ProcessHealth {
  name: string;
  about: string;
  state: string;
  pid: number | null;
  memory_mb: number;
  killable: boolean;
  since_ms: number;
}

export interface Mode {
  key: string;
  title: string;
  about: string;
}

export interface Trouble {
  mode: string;
  modes: Mode[];
}
