import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import { plural } from "../kit/format";
import { Pane } from "../kit/Pane";
import { useTopic } from "../state/live";
import { useTour } from "../tour/tourState";
import type { Vm } from "../types";
import { SpeedControl } from "./SpeedControl";
import { StartMany } from "./StartMany";
import { StartAs } from "./StartAs";
import { VmCard } from "./VmCard";

const SEARCH_FROM = 15;

/** The simulated estate: what runs, who can reach it, and the ways to start it. */
export function AzurePane() {
  const topic = useTopic<Vm>("vm");
  const [query, setQuery] = useState("");
  const vms = useMemo(() => {
    const wanted = query.trim().toLowerCase();
    return [...topic.values()].filter((vm) => !wanted || vm.name.toLowerCase().includes(wanted));
  }, [topic, query]);
  const scroller = useRef<HTMLDivElement>(null);
  const list = useVirtualizer({
    count: vms.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 92,
    getItemKey: (index) => vms[index]?.id ?? index,
    overscan: 4,
  });

  const { story, vm: told } = useTour();
  const place = story ? vms.findIndex((vm) => vm.id === told) : -1;
  useEffect(() => {
    // Only what is in view is drawn: the machine that a story speaks of may be far down.
    if (place >= 0) list.scrollToIndex(place, { align: "center" });
  }, [place, list]);

  const tools = (
    <div className="pane__tools">
      <StartAs />
      <div className="pane__row">
        <StartMany />
        <SpeedControl />
      </div>
      {topic.size >= SEARCH_FROM && (
        <input
          type="search"
          className="search"
          placeholder="Find a machine"
          aria-label="Find a machine"
          value={query}
          onChange={(event) => setQuery(event.target.value)}
        />
      )}
    </div>
  );
  return (
    <Pane id="azure" title="Azure" about={plural(topic.size, "simulated machine")} tools={tools}>
      <div className="pane__scroll" ref={scroller} tabIndex={0} role="group" aria-label="Machines">
        <ul className="virtual" style={{ height: list.getTotalSize() }}>
          {list.getVirtualItems().map((item) => {
            const vm = vms[item.index];
            return (
              vm && (
                <li
                  key={item.key}
                  data-index={item.index}
                  ref={list.measureElement}
                  className="virtual__item"
                  aria-setsize={vms.length}
                  aria-posinset={item.index + 1}
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  <VmCard vm={vm} />
                </li>
              )
            );
          })}
        </ul>
      </div>
    </Pane>
  );
}
