import { useMemo } from "react";
import { slack } from "../state/acts";
import { getHere, say } from "../state/here";
import { type BlockActs, refused } from "./blockActs";
import type { Message } from "./types";

/** What a person can do with the elements of a message. */
export function useMessageActs(message: Message): BlockActs {
  const { channel, ts } = message;
  return useMemo(
    () => ({
      act: async (element, blockId, value, confirmed) => {
        const answer = await slack("click", {
          user: getHere().person,
          channel,
          ts,
          action_id: element.action_id,
          block_id: blockId,
          value,
          confirmed,
        });
        say(refused(answer));
      },
      options: (element, blockId, query) =>
        slack("options", {
          user: getHere().person,
          channel,
          ts,
          action_id: element.action_id,
          block_id: blockId,
          query,
        }),
    }),
    [channel, ts],
  );
}
