// What a person does, sent to the server. Nothing is assumed to have worked: what changes comes by the stream.
import type { Ack } from "../slack/types";
import type { WayDetail } from "../types";
import { say } from "./here";

async function post(path: string, body: unknown): Promise<{ status: number; answer: Record<string, unknown> }> {
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
  } catch {
    return { status: 0, answer: { error: "The sandbox does not answer. Does it still run?" } };
  }
}

/** Do something in Azure; says why if it was refused. */
export async function azure(act: string, body: Record<string, unknown>): Promise<boolean> {
  return told(await post(`/api/act/azure/${act}`, body));
}

/** Make a machine in Azure; its id, or nothing if it was refused, which is said. */
export async function createVm(body: Record<string, unknown>): Promise<string | undefined> {
  const made = await post("/api/act/azure/create", body);
  return told(made) ? String(made.answer["id"]) : undefined;
}

/** Do something in Slack; the answer is Slack's. */
export async function slack(act: string, body: Record<string, unknown>): Promise<Ack> {
  const { status, answer } = await post(`/api/act/slack/${act}`, body);
  return status >= 400 || status === 0 ? { ok: false, ...answer } : (answer as Ack);
}

export async function trouble(service: string, mode: string): Promise<boolean> {
  return told(await post(`/api/trouble/${service}/${mode}`, {}));
}

export async function order(process: string, what: "kill" | "start"): Promise<boolean> {
  return told(await post(`/api/process/${process}/${what}`, {}));
}

export async function wayDetail(id: string): Promise<WayDetail> {
  const response = await fetch(`/api/way/${encodeURIComponent(id)}`);
  if (!response.ok) throw new Error(`${response.status}`);
  return (await response.json()) as WayDetail;
}

function told({ status, answer }: { status: number; answer: Record<string, unknown> }): boolean {
  const fine = status >= 200 && status < 300;
  if (!fine) say(sentence(answer["error"]));
  return fine;
}

function sentence(error: unknown): string {
  if (typeof error === "string") return error;
  const inner = (error as { message?: unknown } | undefined)?.message;
  return typeof inner === "string" ? inner : "That did not work.";
}
