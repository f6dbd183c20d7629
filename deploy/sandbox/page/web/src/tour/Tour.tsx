import { useEffect } from "react";
import { setHere } from "../state/here";
import { Ring } from "./Ring";
import { STORIES } from "./stories";
import type { Step, Story } from "./story";
import { setTour, useTour } from "./tourState";
import { useWorld } from "./useWorld";

/** Tells one story: what to do now, where, and on when it has happened. */
export function Tour() {
  const { story, step } = useTour();
  if (!story) return null;
  const told = STORIES[story];
  const current = told.steps[step];
  return current ? <TourStep key={`${story}${step}`} story={told} step={current} number={step} /> : null;
}

function TourStep({ story, step, number }: { story: Story; step: Step; number: number }) {
  const world = useWorld();
  const happened = step.done?.(world) ?? false;
  const last = number === story.steps.length - 1;

  useEffect(() => setHere({ pane: step.pane }), [step]);
  useEffect(() => {
    if (happened) setTour({ step: number + 1 });
  }, [happened, number]);

  const leave = () => setTour({ story: undefined });
  return (
    <>
      <Ring selector={step.target(world)} />
      <aside className="tour" aria-label={`Tour: ${story.title}`}>
        <p className="tour__count">
          {story.title}, step {number + 1} of {story.steps.length}
        </p>
        <p className="tour__text" role="status">
          {step.text(world)}
        </p>
        <div className="tour__foot">
          <span className="tour__waits">{step.done && !step.act ? "Goes on when it has happened" : ""}</span>
          {!last && (
            <button type="button" className="link" onClick={() => setTour({ step: number + 1 })}>
              {step.done ? "Skip" : "Next"}
            </button>
          )}
          {step.act && (
            <button type="button" className="button button--primary" onClick={() => step.act?.run(world)}>
              {step.act.label}
            </button>
          )}
          <button type="button" className="button" onClick={leave}>
            {last ? "Done" : "Leave the tour"}
          </button>
        </div>
      </aside>
    </>
  );
}
