import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef } from "react";
import { plural } from "../kit/format";
import { Pane } from "../kit/Pane";
import { useHere } from "../state/here";
import { useTopic } from "../state/live";
import type { Way } from "../types";
import { WayDetails } from "./WayDetails";
import { WayRow } from "./WayRow";

/** What Startgate made of each start and each lockdown, newest first. */
export function WaysPane() {
  const topic = useTopic<Way>("way");
  const { openWay } = useHere();
  const ways = useMemo(() => [...topic.values()].sort((one, other) => other.at_ms - one.at_ms), [topic]);
  const open = openWay === undefined ? undefined : topic.get(openWay);
  return (
    <Pane id="ways" title="Startgate" about={summary(ways)}>
      {open ? <WayDetails way={open} /> : <WayList ways={ways} />}
    </Pane>
  );
}

function summary(ways: Way[]): string {
  if (ways.length === 0) return "What it finds out, whom it asks, what it does.";
  const orders = ways.filter((way) => way.kind === "order").length;
  const waiting = ways.filter((way) => way.tone === "waiting").length;
  const starts = ways.length - orders;
  const parts = [starts && plural(starts, "start"), orders && plural(orders, "lockdown"), `${waiting} waiting`];
  return parts.filter(Boolean).join(", ");
}

function WayList({ ways }: { ways: Way[] }) {
  const scroller = useRef<HTMLDivElement>(null);
  const list = useVirtualizer({
    count: ways.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 152,
    getItemKey: (index) => ways[index]?.id ?? index,
    overscan: 3,
  });
  return (
    <div className="pane__scroll" ref={scroller} tabIndex={0} role="group" aria-label="Starts and lockdowns">
      {ways.length === 0 && (
        <div className="empty">
          <p>No machine was started yet.</p>
          <p>
            Choose who starts it and press <strong>Start</strong> beside a machine in Azure. Its way through
            Startgate shows here, step by step.
          </p>
        </div>
      )}
      <ul className="virtual" style={{ height: list.getTotalSize() }}>
        {list.getVirtualItems().map((item) => {
          const way = ways[item.index];
          return (
            way && (
              <li
                key={item.key}
                data-index={item.index}
                ref={list.measureElement}
                className="virtual__item"
                aria-setsize={ways.length}
                aria-posinset={item.index + 1}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <WayRow way={way} />
              </li>
            )
          );
        })}
      </ul>
    </div>
  );
}
