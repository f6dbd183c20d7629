// The story of two persons: at high risk the policy lets no account alone confirm a start of payroll.
import { createVm } from "../state/acts";
import { lookAs, setHere } from "../state/here";
import { besideFits } from "../state/width";
import { answered, askedStep, onCallPerson, stage, startStep, type Story, TRACKED, type World } from "./story";

/** The policy's rule names this group. */
const GROUP = "rg-payroll";

export const TWO_PERSONS: Story = {
  title: "High risk, two persons",
  about: "Payroll at high risk: the owner says why, and somebody else confirms it.",
  begin,
  steps: [
    startStep("Somebody from outside, signed in without MFA, starts this machine of payroll."),
    askedStep(),
    {
      pane: "slack",
      target: () => TRACKED("messages"),
      text: () => "The card says that it takes two persons to confirm this start. Press Confirm as its owner.",
      done: (world) => world.views.length > 0 || asksForSecond(world) || answered(world),
    },
    {
      pane: "slack",
      target: () => TRACKED("dialog"),
      text: () => "At high risk one tap is not enough. Say why it was expected, and confirm.",
      done: (world) => asksForSecond(world) || answered(world),
    },
    {
      pane: "slack",
      target: () => TRACKED(besideFits() ? "beside" : "person"),
      text: (world) =>
        `Nothing is confirmed yet, and whoever asked can’t be the second person. ${onCallPerson(world)?.name ?? "On-call"} ` +
        `is on call: ${besideFits() ? "press Confirm as her, beside" : "look through her eyes, and press Confirm"}. ` +
        "She sees who asked for it and why, and says why herself.",
      done: answered,
    },
    {
      pane: "ways",
      target: () => TRACKED("pane-ways"),
      text: () => "Every copy of the card names both persons with their reasons, and so does the audit.",
    },
  ],
};

/** Make a machine of payroll; be its owner, with on-call beside. */
async function begin(world: World): Promise<string | undefined> {
  const second = onCallPerson(world);
  const owner = world.people.find((person) => person.key === "olivia") ?? world.people[0];
  const starter = world.principals.find((principal) => principal.kind === "User" && !principal.mfa);
  if (!owner || !starter) return undefined;
  const number = [...world.vms.values()].filter((vm) => vm.group === GROUP).length + 1;
  const id = await createVm({
    name: `payroll-${String(number).padStart(2, "0")}`,
    group: GROUP,
    tags: { owner: owner.email, env: "prod" },
    nics: [{ public_ip: `20.50.5.${number}`, open: ["22"] }],
  });
  lookAs(owner.key, "app");
  setHere({ startAs: starter.key, openWay: undefined, beside: second?.key });
  return id;
}

function asksForSecond(world: World): boolean {
  return stage(world, "answer")?.text.includes("second person") ?? false;
}
