// The stories of the tour. A step says what to do and where; it is over when that has really happened.
import { lookAs, setHere } from "../state/here";
import type { Principal } from "../types";
import { BURST } from "./burst";
import {
  answered,
  askedStep,
  contained,
  onCallPerson,
  restored,
  stage,
  startStep,
  type Step,
  type Story,
  TRACKED,
  wayOf,
  type World,
} from "./story";
import { TWO_PERSONS } from "./twoPersons";

export type StoryKey = "expected" | "risky" | "rejected" | "lockdown" | "everything" | "burst" | "twoPersons";

export const STORIES: Record<StoryKey, Story> = {
  expected: {
    title: "An expected start",
    about: "An owner starts a machine and confirms it.",
    begin: (world) => ownersStart(world, (principal, owner) => principal.key === owner),
    steps: [
      startStep("The owner starts this machine."),
      askedStep(),
      {
        pane: "slack",
        target: () => TRACKED("messages"),
        text: () => "The question is in the owner’s direct messages. Press Confirm, and say yes.",
        done: (world) => stage(world, "answer")?.state === "done",
      },
      {
        pane: "ways",
        target: () => TRACKED("pane-ways"),
        text: () =>
          "Confirmed: the machine keeps running, every copy of the card says by whom, and the audit keeps it. " +
          "Open the row to see all of it.",
      },
    ],
  },
  risky: {
    title: "A start of high risk",
    about: "An owner confirms a start that looks bad, which takes a reason.",
    begin: (world) => ownersStart(world, (principal) => principal.kind === "User" && !principal.mfa),
    steps: [
      startStep("Somebody from outside, signed in without MFA, starts this machine."),
      askedStep(),
      {
        pane: "slack",
        target: () => TRACKED("messages"),
        text: () => "The card leads with the strongest signs. Press Confirm: at high risk one tap is not enough.",
        done: (world) => world.views.length > 0 || answered(world),
      },
      {
        pane: "slack",
        target: () => TRACKED("dialog"),
        text: () => "The dialog shows the two strongest signs once more. Say why it was expected, and confirm.",
        done: answered,
      },
      {
        pane: "ways",
        target: () => TRACKED("pane-ways"),
        text: () => "Every copy of the card says who confirmed it and why, and the audit keeps it.",
      },
    ],
  },
  rejected: {
    title: "An unknown start",
    about: "An intruder starts a machine; its owner rejects it.",
    begin: (world) => ownersStart(world, (principal) => principal.kind === "User" && !principal.mfa),
    steps: [
      startStep("An intruder, signed in without MFA, starts this machine."),
      askedStep(),
      {
        pane: "slack",
        target: () => TRACKED("messages"),
        text: () => "Read the card: who, from where, with which right, what is open. Press Reject.",
        done: (world) => world.views.length > 0 || answered(world),
      },
      {
        pane: "slack",
        target: () => TRACKED("dialog"),
        text: () => "The dialog says what a rejection does, before it does it. Give a reason and reject.",
        done: answered,
      },
      containedStep(),
      theEnd(),
    ],
  },
  lockdown: {
    title: "A lockdown by on-call",
    about: "On-call contains a machine at once, without asking.",
    begin: onCallsMachine,
    steps: [...lockDownSteps(""), containedStep(), theEnd()],
  },
  everything: {
    title: "Everything, and back",
    about: "On-call contains a machine with every step, looks at the evidence, and restores it.",
    begin: onCallsMachine,
    steps: [
      ...lockDownSteps(" profile=everything"),
      containedStep(),
      {
        pane: "azure",
        target: ({ vm }) => `[aria-label="${CSS.escape(vm?.name ?? "")}"]`,
        text: () =>
          "The evidence: snapshots of its disks and a backup. A lock keeps everybody from starting it, and it is " +
          "encrypted at its host. What a machine can’t have was left out, and the row in the middle says why.",
      },
      {
        pane: "slack",
        target: () => TRACKED("composer"),
        text: ({ vm }) => `Now type /vm-restore ${vm?.name ?? "web"} and send it.`,
        done: (world) => world.views.length > 0 || restored(world),
      },
      {
        pane: "slack",
        target: () => TRACKED("dialog"),
        text: () => "The dialog says what comes back and what stays. Give a reason and restore it.",
        done: restored,
      },
      {
        pane: "azure",
        target: ({ vm }) => `[aria-label="${CSS.escape(vm?.name ?? "")}"]`,
        text: () =>
          "Its network is as it was, and lock and encryption are taken back. Snapshots and backup stay: they are " +
          "evidence.",
      },
    ],
  },
  burst: BURST,
  twoPersons: TWO_PERSONS,
};

/** Be on call, and choose a running machine. */
function onCallsMachine(world: World): string | undefined {
  const person = onCallPerson(world);
  if (person) lookAs(person.key);
  return [...world.vms.values()].find((vm) => vm.power === "running" && !contained(world, vm))?.id;
}

function lockDownSteps(options: string): Step[] {
  return [
    {
      pane: "slack",
      target: () => TRACKED("composer"),
      text: ({ vm }) => `You are on call. Type /vm-lockdown ${vm?.name ?? "web"}${options} and send it.`,
      done: (world) => world.views.length > 0 || wayOf(world) !== undefined,
    },
    {
      pane: "slack",
      target: () => TRACKED("dialog"),
      text: () => "Check the machine, give a reason, and lock it down.",
      done: (world) => wayOf(world) !== undefined,
    },
  ];
}

/** Choose an idle machine whose owner is in Slack, be its owner there, and its starter in Azure. */
function ownersStart(
  world: World,
  starts: (principal: Principal, owner: string) => boolean,
): string | undefined {
  for (const vm of world.vms.values()) {
    const owner = world.people.find((person) => Object.values(vm.tags).includes(person.email));
    const starter = owner && world.principals.find((principal) => starts(principal, owner.key));
    if (!starter || !["deallocated", "stopped"].includes(vm.power) || contained(world, vm)) continue;
    if (vm.nics.length === 0) continue; // nothing to isolate makes a poor story
    lookAs(owner.key, "app");
    setHere({ startAs: starter.key, openWay: undefined });
    return vm.id;
  }
  return undefined;
}

function containedStep(): Step {
  return {
    pane: "ways",
    target: () => TRACKED("pane-ways"),
    text: () => "Step by step the machine is taken out of the world. It says contained only after reading it back.",
    done: (world) => ["done", "failed"].includes(stage(world, "result")?.state ?? ""),
  };
}

function theEnd(): Step {
  return {
    pane: "azure",
    target: ({ vm }) => `[aria-label="${CSS.escape(vm?.name ?? "")}"]`,
    text: () =>
      "In Azure: no port is open any more, the lockdown’s NSG is on every interface, the machine is " +
      "deallocated. Open the row in the middle for the very requests that did it.",
  };
}

