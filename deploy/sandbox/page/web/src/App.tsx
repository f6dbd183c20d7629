import { useEffect } from "react";
import { AzurePane } from "./azure/AzurePane";
import { FaultBar } from "./bar/FaultBar";
import { TopBar } from "./bar/TopBar";
import { Note } from "./kit/Note";
import { PaneTabs } from "./kit/PaneTabs";
import { SlackPane } from "./slack/SlackPane";
import { useHere } from "./state/here";
import { useDark } from "./state/theme";
import { Tour } from "./tour/Tour";
import { WaysPane } from "./ways/WaysPane";

export function App() {
  const { pane } = useHere();
  const dark = useDark();
  useEffect(() => {
    document.documentElement.dataset["theme"] = dark ? "dark" : "light";
  }, [dark]);
  return (
    <div className="page">
      <TopBar />
      <PaneTabs />
      <main className="panes" data-pane={pane}>
        <AzurePane />
        <WaysPane />
        <SlackPane />
      </main>
      <FaultBar />
      <Tour />
      <Note />
    </div>
  );
}
