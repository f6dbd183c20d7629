// The live stream: values by topic and key, told by the server, kept here, read by components.
import { useCallback, useSyncExternalStore } from "react";

type Topic = ReadonlyMap<string, unknown>;
type Change = [topic: string, key: string, value: unknown];

const EMPTY: Topic = new Map();
const topics = new Map<string, Topic>();
const listeners = new Map<string, Set<() => void>>();
let source: EventSource | undefined;
let connection: "connecting" | "live" | "lost" = "connecting";

/** Look through the eyes of a person; what was shown before stays until their view has come. */
export function connect(person: string): void {
  source?.close();
  source = new EventSource(`/api/stream?as=${encodeURIComponent(person)}`);
  source.addEventListener("all", (event) => {
    const changes = JSON.parse(event.data as string) as Change[];
    const gone = [...topics.keys()];
    topics.clear();
    apply(changes, gone);
    connection = "live";
    tell("connection");
  });
  source.addEventListener("some", (event) => {
    apply(JSON.parse(event.data as string) as Change[], []);
  });
  source.onerror = () => {
    connection = "lost";
    tell("connection");
  };
}

function apply(changes: Change[], alsoTell: string[]): void {
  const changed = new Map<string, Map<string, unknown>>();
  for (const [topic, key, value] of changes) {
    let values = changed.get(topic);
    if (!values) {
      values = new Map(topics.get(topic) ?? EMPTY);
      changed.set(topic, values);
    }
    if (value === null) values.delete(key);
    else values.set(key, value);
  }
  for (const [topic, values] of changed) topics.set(topic, values);
  for (const topic of new Set([...changed.keys(), ...alsoTell])) tell(topic);
}

function tell(topic: string): void {
  for (const listener of listeners.get(topic) ?? []) listener();
}

function subscribe(topic: string, listener: () => void): () => void {
  const those = listeners.get(topic) ?? new Set();
  listeners.set(topic, those.add(listener));
  return () => those.delete(listener);
}

/** Everything of a topic, by key. */
export function useTopic<Value>(topic: string): ReadonlyMap<string, Value> {
  const watch = useCallback((listener: () => void) => subscribe(topic, listener), [topic]);
  return useSyncExternalStore(watch, () => topics.get(topic) ?? EMPTY) as ReadonlyMap<string, Value>;
}

/** One value of a topic. */
export function useValue<Value>(topic: string, key: string): Value | undefined {
  const watch = useCallback((listener: () => void) => subscribe(topic, listener), [topic]);
  return useSyncExternalStore(watch, () => topics.get(topic)?.get(key)) as Value | undefined;
}

/** Whether the stream lives. */
export function useConnection(): typeof connection {
  const watch = useCallback((listener: () => void) => subscribe("connection", listener), []);
  return useSyncExternalStore(watch, () => connection);
}
