import { useEffect, useMemo } from "react";
import { slack } from "../state/acts";
import { say } from "../state/here";
import { Blocks } from "./Blocks";
import type { View } from "./types";
import { viewActs } from "./ViewDialog";

/** The app's home tab, as the person sees it; opening it tells the app. */
export function HomeTab({ view, person }: { view: View | null; person: string }) {
  useEffect(() => {
    void slack("home", { user: person });
  }, [person]);
  return (
    <div className="messages" tabIndex={0} role="group" aria-label="Home">
      {view ? <HomeView view={view} person={person} /> : <p className="empty">The app shows nothing here yet.</p>}
    </div>
  );
}

function HomeView({ view, person }: { view: View; person: string }) {
  const acts = useMemo(() => viewActs(view, person, say), [view, person]);
  return (
    <div className="home">
      <Blocks blocks={view.blocks} acts={acts} values={view.state.values} />
    </div>
  );
}
