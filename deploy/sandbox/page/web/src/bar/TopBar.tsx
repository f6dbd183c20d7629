import { type Theme, setTheme, useHere } from "../state/here";
import { useConnection } from "../state/live";
import { TourMenu } from "../tour/TourMenu";

/** What this is, the tour, and the switch between light and dark. */
export function TopBar() {
  const connection = useConnection();
  const { theme } = useHere();
  return (
    <header className="top">
      <h1>Startgate</h1>
      <p className="top__about">
        Somebody starts a VM. Was that expected? Its owner confirms or rejects it in Slack; a rejected start is
        contained.
      </p>
      <span className="top__live" data-connection={connection} role="status">
        {{ connecting: "Connecting…", live: "Live", lost: "Connection lost; trying again…" }[connection]}
      </span>
      <TourMenu />
      <label className="field field--inline">
        <span className="visually-hidden">Light or dark; Auto is as the system has it</span>
        <select value={theme} onChange={(event) => setTheme(event.target.value as Theme)}>
          <option value="system">Auto</option>
          <option value="light">Light</option>
          <option value="dark">Dark</option>
        </select>
      </label>
    </header>
  );
}
