import { useMemo } from "react";
import { useTopic, useValue } from "../state/live";
import type { App, Channel, Person, Usergroup } from "./types";

/** Who is in the workspace, and the names that mentions stand for. */
export function usePeople() {
  const people = useValue<Person[]>("slack", "people");
  const groups = useValue<Usergroup[]>("slack", "usergroups");
  const channels = useTopic<Channel>("channel");
  const me = useValue<Person>("slack", "me");
  const app = useValue<App>("slack", "app");
  return useMemo(
    () => ({
      me,
      app,
      byId: new Map((people ?? []).map((person) => [person.id, person])),
      data: {
        users: (people ?? []).map(({ id, name }) => ({ id, name })),
        channels: [...channels.values()].map(({ id, name }) => ({ id, name })),
        user_groups: (groups ?? []).map(({ id, name, handle }) => ({ id, name, handle })),
      },
    }),
    [people, groups, channels, me, app],
  );
}
