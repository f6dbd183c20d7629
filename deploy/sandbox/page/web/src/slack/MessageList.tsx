import { useLayoutEffect, useRef, useState } from "react";
import type { Conversation } from "./conversations";
import { MessageView } from "./MessageView";

const AT_ONCE = 25;
const NEAR_PX = 60;

/** The messages of a conversation, the newest at the bottom, where it stays while nobody scrolls up. */
export function MessageList({ conversation }: { conversation: Conversation }) {
  const [shown, setShown] = useState(AT_ONCE);
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const follow = useRef(true);
  const before = useRef(0);
  const { messages, replies } = conversation;
  const visible = messages.slice(-shown);

  useLayoutEffect(() => {
    const box = scroller.current;
    const inner = content.current;
    if (!box || !inner) return;
    const toEnd = () => {
      if (follow.current) box.scrollTop = box.scrollHeight;
    };
    toEnd();
    const watcher = new ResizeObserver(toEnd);
    watcher.observe(inner);
    watcher.observe(box);
    return () => watcher.disconnect();
  }, []);

  return (
    <div
      className="messages"
      ref={scroller}
      tabIndex={0}
      role="log"
      aria-label={`Messages of ${conversation.title}`}
      data-tour="messages"
      onScroll={(event) => {
        // What has grown since the last turn to the end is no wish to stay: only who scrolls up wants that.
        const box = event.currentTarget;
        if (box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX) follow.current = true;
        else if (box.scrollTop < before.current) follow.current = false;
        before.current = box.scrollTop;
      }}
    >
      <div ref={content}>
        {messages.length > visible.length && (
          <button type="button" className="link messages__more" onClick={() => setShown(shown + AT_ONCE)}>
            Show earlier messages
          </button>
        )}
        {messages.length === 0 && (
          <div className="empty">
            <p>Nothing was said here yet.</p>
            <p>
              {conversation.direct
                ? "Start a machine that this person owns: the question about it comes here."
                : "Start a machine in Azure, or type / for the commands."}
            </p>
          </div>
        )}
        {visible.map((message, index) => (
          <MessageView
            key={message.ts}
            message={message}
            replies={replies.get(message.ts)}
            last={index === visible.length - 1}
          />
        ))}
      </div>
    </div>
  );
}
