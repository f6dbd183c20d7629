import { memo, useState } from "react";
import { plural } from "../kit/format";
import { Avatar } from "./Avatar";
import { Blocks } from "./Blocks";
import { timeOf } from "./dates";
import { ThreadBox } from "./ThreadBox";
import type { Block, Message } from "./types";
import { useMessageActs } from "./useMessageActs";
import { usePeople } from "./usePeople";

interface Props {
  message: Message;
  replies?: Message[] | undefined;
  last: boolean;
}

/** One message with its thread. The newest one's thread is open, others open on demand. */
export const MessageView = memo(function MessageView({ message, replies, last }: Props) {
  const [choice, setChoice] = useState<boolean>();
  const count = replies?.length ?? 0;
  const open = choice ?? (last && count > 0);
  return (
    <article className="message" data-ephemeral={message.ephemeral_for !== null} aria-label={message.text.slice(0, 120)}>
      <MessageBody message={message} />
      {message.ephemeral_for === null && (
        <div className="thread">
          <button type="button" className="link" aria-expanded={open} onClick={() => setChoice(!open)}>
            {count > 0 ? `${open ? "Hide" : "Show"} ${plural(count, "reply").replace("replys", "replies")}` : open ? "Close" : "Reply"}
          </button>
          {open && replies?.map((reply) => <MessageBody key={reply.ts} message={reply} />)}
          {open && <ThreadBox message={message} />}
        </div>
      )}
    </article>
  );
});

function MessageBody({ message }: { message: Message }) {
  const { byId, me, app } = usePeople();
  const acts = useMessageActs(message);
  const author = byId.get(message.user);
  const name = author?.name ?? message.user;
  return (
    <div className="message__body">
      <Avatar name={name} app={message.user === app?.user} />
      <div className="message__main">
        <p className="message__head">
          <strong dir="auto">{name}</strong>
          {author?.is_bot && <span className="app-badge">App</span>}
          <time>{timeOf(message.ts, me?.tz)}</time>
          {Boolean(message.edited) && <span className="message__only">edited</span>}
          {message.ephemeral_for && <span className="message__only">Only visible to you</span>}
        </p>
        <Blocks blocks={layoutOf(message)} acts={acts} values={message.state?.values ?? {}} />
        {message.files?.map((file) => (
          <p key={file.id} className="message__file">
            <strong>{file.title}</strong> {file.name}
            {file.alt_txt && <span className="message__only"> {file.alt_txt}</span>}
          </p>
        ))}
        {message.reactions?.map((reaction) => (
          <span key={reaction.name} className="badge" data-tone="quiet">
            :{reaction.name}: {reaction.count}
          </span>
        ))}
      </div>
    </div>
  );
}

function layoutOf(message: Message): Block[] {
  const attached = (message.attachments ?? []).flatMap((part) => part.blocks ?? []);
  const blocks = [...(message.blocks ?? []), ...attached];
  if (blocks.length > 0) return blocks;
  return [{ type: "section", text: { type: "mrkdwn", text: message.text || " " } }];
}
