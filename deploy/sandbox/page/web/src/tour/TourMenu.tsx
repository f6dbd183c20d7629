import { Popover } from "../kit/Popover";
import { say } from "../state/here";
import { STORIES, type StoryKey } from "./stories";
import { setTour } from "./tourState";
import { useWorld } from "./useWorld";

/** Chooses one of the stories. */
export function TourMenu() {
  const world = useWorld();
  const begin = async (key: StoryKey) => {
    const beganMs = Date.now() - 1000;
    const vm = await STORIES[key].begin(world);
    if (!vm) {
      say("Every machine that this story could use is busy or contained already. Restart the sandbox to begin anew.");
      return;
    }
    setTour({ story: key, step: 0, vm, beganMs });
  };
  return (
    <Popover label="Take the tour" title="Stories of the tour" className="tour-menu">
      {(close) => (
        <ul className="menu">
          {(Object.keys(STORIES) as StoryKey[]).map((key) => (
            <li key={key}>
              <button
                type="button"
                onClick={() => {
                  close();
                  void begin(key);
                }}
              >
                {STORIES[key].title}
                <small>{STORIES[key].about}</small>
              </button>
            </li>
          ))}
        </ul>
      )}
    </Popover>
  );
}
