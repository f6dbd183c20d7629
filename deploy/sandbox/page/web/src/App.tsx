import { useEffect } from "react";
import { AzurePane } from "./azure/AzurePane";
import { FaultBar } from "./bar/FaultBar";
import { TopBar } from "./bar/TopBar";
import { Note } from "./kit/Note";
import { PaneTabs } from "./kit/PaneTabs";
import { Beside } from "./slack/Beside";
import { SlackPane } from "./slack/SlackPane";
import { useHere, WITHIN } from "./state/here";
import { useDark } from "./state/theme";
import { Tour } from "./tour/Tour";
import { WaysPane } from "./ways/WaysPane";

export function App() {
  const { pane, beside } = useHere();
  const dark = useDark();
  useEffect(() => {
    document.documentElement.dataset["theme"] = dark ? "dark" : "light";
  }, [dark]);
  if (WITHIN) {
    return (
      <main className="within">
        <SlackPane />
        <Note />
      </main>
    );
  }
  return (
    <div className="page">
      <TopBar />
      <PaneTabs />
      <main className="panes" data-pane={pane} data-beside={beside !== undefined}>
        <AzurePane />
        <WaysPane />
        <SlackPane />
        <Beside />
      </main>
      <FaultBar />
      <Tour />
      <Note />
    </div>
  );
}
