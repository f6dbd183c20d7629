import { useEffect, useRef } from "react";

const GAP_PX = 3;

/** A ring around what a step speaks of. It follows its target, which may come, move and go. */
export function Ring({ selector }: { selector: string }) {
  const ring = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let frame = 0;
    let before = "";
    const follow = () => {
      const box = document.querySelector(selector)?.getBoundingClientRect();
      const now = box ? `${box.x} ${box.y} ${box.width} ${box.height}` : "";
      if (ring.current && now !== before) {
        before = now;
        ring.current.hidden = !box || box.width === 0;
        if (box) {
          Object.assign(ring.current.style, {
            transform: `translate(${box.x - GAP_PX}px, ${box.y - GAP_PX}px)`,
            width: `${box.width + 2 * GAP_PX}px`,
            height: `${box.height + 2 * GAP_PX}px`,
          });
        }
      }
      frame = requestAnimationFrame(follow);
    };
    follow();
    return () => cancelAnimationFrame(frame);
  }, [selector]);
  return <div className="ring" ref={ring} hidden aria-hidden="true" />;
}
