import { type Pane, setHere, useHere } from "../state/here";

const PANES: [Pane, string][] = [
  ["azure", "Azure"],
  ["ways", "Startgate"],
  ["slack", "Slack"],
];

/** On a narrow screen: which of the three panes is shown. */
export function PaneTabs() {
  const { pane } = useHere();
  return (
    <nav className="pane-tabs" aria-label="Panes">
      {PANES.map(([key, title]) => (
        <button
          key={key}
          type="button"
          aria-current={pane === key ? "page" : undefined}
          onClick={() => setHere({ pane: key })}
        >
          {title}
        </button>
      ))}
    </nav>
  );
}
