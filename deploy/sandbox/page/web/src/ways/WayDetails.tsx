import { useEffect, useRef, useState } from "react";
import { clock } from "../kit/format";
import { wayDetail } from "../state/acts";
import { setHere } from "../state/here";
import type { Way, WayDetail } from "../types";
import { AuditTable } from "./AuditTable";
import { BusTable } from "./BusTable";
import { Documents } from "./Documents";
import { headline } from "./headline";
import { Requests } from "./Requests";
import { Timeline } from "./Timeline";

const SETTLE_MS = 300;

/** Everything about one start, as it is now. */
export function WayDetails({ way }: { way: Way }) {
  const detail = useDetail(way);
  const [tab, setTab] = useState("way");
  const back = useRef<HTMLButtonElement>(null);
  useEffect(() => back.current?.focus(), []);
  const tabs: [string, string][] = [
    ["way", "Way"],
    ["documents", `Documents${count(detail && Object.keys(detail.documents).length)}`],
    ["audit", `Audit${count(detail?.audit.length)}`],
    ["bus", `Bus${count(detail?.bus.length)}`],
    ["azure", `Azure${count(detail?.azure.length)}`],
    ["slack", `Slack${count(detail?.slack.length)}`],
  ];
  const close = () => setHere({ openWay: undefined });
  return (
    <div className="details" onKeyDown={(event) => event.key === "Escape" && close()}>
      <div className="details__head">
        <button type="button" className="button" ref={back} onClick={close}>
          ← All starts
        </button>
        <h3 className="way__name">
          <bdi>{way.vm.name}</bdi>
        </h3>
        <span className="badge way__state" data-tone={way.tone}>
          {headline(way)}
        </span>
      </div>
      <p className="way__about details__about">
        {way.kind === "order" ? "Ordered by " : "Started by "}
        <bdi>{way.who}</bdi> at {clock(way.at_ms)}
      </p>
      <div className="tabs" role="tablist" aria-label="What is known about it" onKeyDown={moveBetweenTabs}>
        {tabs.map(([key, title]) => (
          <button
            key={key}
            type="button"
            role="tab"
            id={`tab-${key}`}
            aria-selected={tab === key}
            aria-controls="details-panel"
            tabIndex={tab === key ? 0 : -1}
            onClick={() => setTab(key)}
          >
            {title}
          </button>
        ))}
      </div>
      <div
        className="pane__scroll details__panel"
        id="details-panel"
        role="tabpanel"
        aria-labelledby={`tab-${tab}`}
        tabIndex={0}
      >
        {tab === "way" && <Timeline stages={way.stages} />}
        {!detail && tab !== "way" && <p className="empty">Reading…</p>}
        {detail && tab === "documents" && <Documents documents={detail.documents} due={detail.due} />}
        {detail && tab === "audit" && <AuditTable records={detail.audit} />}
        {detail && tab === "bus" && <BusTable messages={detail.bus} events={detail.events} />}
        {detail && tab === "azure" && <Requests entries={detail.azure} whose="Azure" />}
        {detail && tab === "slack" && <Requests entries={detail.slack} whose="Slack" />}
      </div>
    </div>
  );
}

/** The details, read again whenever the row says that something changed. */
function useDetail(way: Way): WayDetail | undefined {
  const [detail, setDetail] = useState<WayDetail>();
  useEffect(() => {
    let current = true;
    const timer = setTimeout(() => {
      wayDetail(way.id).then(
        (found) => current && setDetail(found),
        () => undefined, // the row is there, its details will be with the next change
      );
    }, SETTLE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [way]);
  return detail;
}

function count(number: number | undefined): string {
  return number === undefined ? "" : ` ${number}`;
}

function moveBetweenTabs(event: React.KeyboardEvent<HTMLElement>): void {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tabs = [...event.currentTarget.querySelectorAll<HTMLElement>("[role=tab]")];
  const next = tabs[(tabs.indexOf(event.target as HTMLElement) + step + tabs.length) % tabs.length];
  next?.focus();
  next?.click();
}
