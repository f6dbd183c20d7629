// What a story of the tour is made of, and what its steps find out about the world.
import type { Usergroup, View } from "../slack/types";
import type { Pane } from "../state/here";
import type { Principal, Stage, Vm, Way, WorldPerson } from "../types";

export interface World {
  vms: ReadonlyMap<string, Vm>;
  ways: ReadonlyMap<string, Way>;
  people: WorldPerson[];
  principals: Principal[];
  usergroups: Usergroup[];
  views: View[];
  /** The machine of this story, and when the story began. */
  vm: Vm | undefined;
  beganMs: number;
}

export interface Step {
  pane: Pane;
  /** What is ringed: a CSS selector. */
  target: (world: World) => string;
  text: (world: World) => string;
  /** Whether it has happened; a step without it only tells something. */
  done?: (world: World) => boolean;
  /** What the page does for whoever takes the tour: more than a click of theirs could. */
  act?: { label: string; run: (world: World) => void };
}

export interface Story {
  title: string;
  about: string;
  /** Puts everything in place and chooses the machine, by its id. */
  begin: (world: World) => string | undefined | Promise<string | undefined>;
  steps: Step[];
}

export const TRACKED = (name: string) => `[data-tour="${name}"]`;

/** Who is on call and can be looked at. */
export function onCallPerson(world: World): WorldPerson | undefined {
  const onCall = world.usergroups.flatMap((group) => group.users);
  return world.people.find((person) => onCall.includes(person.slack));
}

export function startStep(what: string): Step {
  return {
    pane: "azure",
    target: ({ vm }) => `[aria-label="Start ${CSS.escape(vm?.name ?? "")}"]`,
    text: ({ vm }) => `${what} Press Start beside ${vm?.name ?? "it"}.`,
    done: (world) => ["starting", "running"].includes(world.vm?.power ?? "") || wayOf(world) !== undefined,
  };
}

export function askedStep(): Step {
  return {
    pane: "ways",
    target: () => TRACKED("pane-ways"),
    text: () =>
      "Azure takes its time to start it. Then the event comes over Service Bus, Startgate reads the facts, " +
      "the policy gives its verdict, and the owner is asked.",
    done: (world) => stage(world, "asked")?.state === "done",
  };
}

export function wayOf({ ways, vm, beganMs }: World): Way | undefined {
  return [...ways.values()].find((way) => way.vm.id.toLowerCase() === vm?.id.toLowerCase() && way.at_ms > beganMs);
}

export function stage(world: World, key: string): Stage | undefined {
  return wayOf(world)?.stages.find((each) => each.key === key);
}

export function restored(world: World): boolean {
  const result = stage(world, "result");
  return result?.title === "Restored" && result.state === "done";
}

export function answered(world: World): boolean {
  const state = stage(world, "answer")?.state;
  return state !== undefined && state !== "now";
}

export function contained({ ways }: World, vm: Vm): boolean {
  return [...ways.values()].some(
    (way) => way.vm.id.toLowerCase() === vm.id.toLowerCase() && way.stages.some((each) => each.key === "result"),
  );
}
