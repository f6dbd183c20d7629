import { useEffect, useState } from "react";
import { setHere, useHere } from "../state/here";
import { type Conversation, HOME } from "./conversations";

interface Props {
  conversations: Conversation[];
  shown: string | undefined;
  home: boolean;
}

/** The conversations side by side; a dot says that something new is in one. */
export function ConversationTabs({ conversations, shown, home }: Props) {
  const { conversation, person } = useHere();
  const [seen, setSeen] = useState<Record<string, string>>({});
  const current = conversation === HOME ? HOME : shown;
  const newest = conversations.find((each) => each.id === current)?.newest ?? "";
  useEffect(() => {
    if (current) setSeen((before) => ({ ...before, [`${person}/${current}`]: newest }));
  }, [current, newest, person]);
  return (
    <nav className="conversations" aria-label="Conversations" data-tour="conversations">
      {conversations.map((each) => {
        const unread = each.id !== current && each.newest > (seen[`${person}/${each.id}`] ?? "");
        return (
          <button
            key={each.id}
            type="button"
            aria-current={each.id === current ? "page" : undefined}
            onClick={() => setHere({ conversation: each.id })}
          >
            <bdi>{each.title}</bdi>
            {unread && <span className="dot" role="img" aria-label="new messages" />}
          </button>
        );
      })}
      {home && (
        <button
          type="button"
          aria-current={current === HOME ? "page" : undefined}
          onClick={() => setHere({ conversation: HOME })}
        >
          Home
        </button>
      )}
    </nav>
  );
}
