import { useTopic, useValue } from "../state/live";
import type { Usergroup, View } from "../slack/types";
import type { Principal, Vm, Way, WorldPerson } from "../types";
import type { World } from "./story";
import { useTour } from "./tourState";

/** What the steps of a story look at. */
export function useWorld(): World {
  const vms = useTopic<Vm>("vm");
  const ways = useTopic<Way>("way");
  const { vm, beganMs } = useTour();
  return {
    vms,
    ways,
    people: useValue<WorldPerson[]>("world", "people") ?? [],
    principals: useValue<Principal[]>("world", "principals") ?? [],
    usergroups: useValue<Usergroup[]>("slack", "usergroups") ?? [],
    views: useValue<View[]>("slack", "views") ?? [],
    vm: vms.get(vm),
    beganMs,
  };
}
