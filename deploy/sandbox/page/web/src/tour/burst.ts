// The story of a burst: one caller starts 40 machines of one owner, and two of them differ from the rest.
import { azure, createVm } from "../state/acts";
import { lookAs, say, setHere } from "../state/here";
import type { Way } from "../types";
import { type Story, TRACKED, type World } from "./story";

const SIZE = 40;
const OUTLIERS = 2;
const [OPEN_SSH, FAILED] = [17, 29];
const FAILURES = 3;
/** Beside the first burst each has a group of its own, so that the story can be told again. */
const GROUP = "rg-batch";

export const BURST: Story = {
  title: "A burst of 40",
  about: "A nightly job starts 40 machines of one owner: one card asks about all that look alike.",
  begin,
  steps: [
    {
      pane: "azure",
      target: () => TRACKED("pane-azure"),
      text: () =>
        `Here are ${SIZE} machines of one owner. One of them lets the Internet in by SSH, and of another three ` +
        "starts have failed just now. A nightly job starts them all at once.",
      act: { label: `Start all ${SIZE}`, run: startAll },
      done: (world) => waysOf(world).length > 0,
    },
    {
      pane: "ways",
      target: () => TRACKED("pane-ways"),
      text: () =>
        `Each start has a row, a question and an audit of its own. Its owner gets no ${SIZE} messages: one card ` +
        "grows as they come.",
      done: (world) => waysOf(world).filter((way) => state(way, "asked") === "done").length >= SIZE,
    },
    {
      pane: "slack",
      target: () => TRACKED("messages"),
      text: () =>
        "One card asks about those that look alike, and says how many differ, and by what. Scroll up to it, and " +
        "press Confirm all: one tap for the many.",
      done: (world) => open(world) <= OUTLIERS,
    },
    {
      pane: "slack",
      target: () => TRACKED("messages"),
      text: () =>
        "The two that differ have a card each, with their own signs, and still wait. Answer them one by one: " +
        "confirm the one whose starts failed, and reject the one that is open to the Internet.",
      done: (world) => waysOf(world).length > 0 && open(world) === 0,
    },
    {
      pane: "ways",
      target: () => TRACKED("pane-ways"),
      text: () =>
        "Every start has its own answer on record. What you rejected is contained; the others keep running. " +
        "On-call was told what else the same account has started.",
    },
  ],
};

/** Make the machines, and let three starts of one of them fail. */
async function begin(world: World): Promise<string | undefined> {
  const owner = world.people.find((person) => person.key === "colin") ?? world.people[0];
  if (!owner) return undefined;
  const groups = new Set([...world.vms.values()].map((vm) => vm.group).filter((group) => group.startsWith(GROUP)));
  const round = groups.size === 0 ? "" : `${groups.size + 1}`;
  say(`Making ${SIZE} machines…`);
  const made = await Promise.all(
    Array.from({ length: SIZE }, (_, index) =>
      createVm({
        name: `batch${round}-${String(index + 1).padStart(2, "0")}`,
        group: round ? `${GROUP}-${round}` : GROUP,
        tags: { owner: owner.email, app: "batch" },
        nics: [index + 1 === OPEN_SSH ? { public_ip: `20.50.4.${groups.size + 1}`, open: ["22"] } : { open: [] }],
      }),
    ),
  );
  for (let times = 0; times < FAILURES; times += 1) {
    await azure("start", { vm: made[FAILED - 1] ?? "", as: owner.key, fail: true, immediate: true });
  }
  say("");
  lookAs(owner.key, "app");
  setHere({ openWay: undefined, beside: undefined });
  return made[OPEN_SSH - 1];
}

/** The machines of the newest burst, started by the automation. */
function startAll(world: World): void {
  const starter = world.principals.find((principal) => principal.kind === "ServicePrincipal");
  const vms = [...world.vms.values()].filter((vm) => vm.group === world.vm?.group).map((vm) => vm.id);
  void azure("start-many", { vms, as: starter?.key ?? "", immediate: true });
}

/** The rows of the 40 starts; those that failed before have none of these states. */
function waysOf({ ways, vm, beganMs }: World): Way[] {
  return [...ways.values()].filter(
    (way) =>
      way.vm.group.toLowerCase() === vm?.group.toLowerCase() && way.at_ms > beganMs && state(way, "answer") !== undefined,
  );
}

function open(world: World): number {
  return waysOf(world).filter((way) => state(way, "answer") === "now").length;
}

function state(way: Way, key: string): string | undefined {
  return way.stages.find((each) => each.key === key)?.state;
}
