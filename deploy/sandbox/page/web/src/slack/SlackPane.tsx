import { useMemo } from "react";
import { Pane } from "../kit/Pane";
import { useHere, WITHIN } from "../state/here";
import { useTopic, useValue } from "../state/live";
import { BesideSwitch } from "./Beside";
import { Composer } from "./Composer";
import { ConversationTabs } from "./ConversationTabs";
import { conversationsOf, HOME } from "./conversations";
import { HomeTab } from "./HomeTab";
import { MessageList } from "./MessageList";
import { PersonSwitch } from "./PersonSwitch";
import type { App, Channel, Message, Person, View } from "./types";
import { ViewDialog } from "./ViewDialog";

/** Slack, through the eyes of one person. */
export function SlackPane() {
  const { person, conversation } = useHere();
  const channels = useTopic<Channel>("channel");
  const messages = useTopic<Message>("message");
  const app = useValue<App>("slack", "app");
  const me = useValue<Person>("slack", "me");
  const views = useValue<View[]>("slack", "views") ?? [];
  const home = useValue<View | null>("slack", "home");
  const conversations = useMemo(() => conversationsOf(channels, messages, app), [channels, messages, app]);
  const shown = conversations.find((each) => each.id === conversation) ?? startingPoint(conversations);
  const view = views.at(-1);
  return (
    <Pane
      id="slack"
      title="Slack"
      about={me && me.key === person ? `What ${me.name} sees.` : "…"}
      tools={
        <div className="pane__tools">
          <div className="pane__row">
            <PersonSwitch />
            {!WITHIN && <BesideSwitch />}
          </div>
          <ConversationTabs conversations={conversations} shown={shown?.id} home={Boolean(app?.has_home || home)} />
        </div>
      }
    >
      <div className="slack">
        {conversation === HOME ? (
          <HomeTab view={home ?? null} person={person} />
        ) : (
          shown && (
            <>
              <MessageList key={`${person}/${shown.id}`} conversation={shown} />
              <Composer key={person} conversation={shown} />
            </>
          )
        )}
        {view && <ViewDialog key={view.id} view={view} person={person} />}
      </div>
    </Pane>
  );
}

/** Where a person looks who has not chosen yet: their messages from the app, else where it spoke last. */
function startingPoint(conversations: ReturnType<typeof conversationsOf>) {
  const [direct] = conversations;
  if (direct && direct.messages.length > 0) return direct;
  return conversations.reduce((best, each) => (each.newest > (best?.newest ?? "") ? each : best), direct);
}
