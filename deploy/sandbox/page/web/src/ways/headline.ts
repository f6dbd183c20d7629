import type { Stage, Way } from "../types";

/** Where a way stands, in a word or two: the result if it has one, else the stage that it is at. */
export function headline(way: Way): string {
  const result = find(way.stages, "result");
  if (result) return result.title;
  const answer = find(way.stages, "answer");
  if (answer && answer.state !== "now") return answer.title;
  if (answer) return find(way.stages, "asked")?.state === "now" ? "Asking" : "Waiting for an answer";
  const verdict = find(way.stages, "verdict");
  return verdict && verdict.state === "done" ? verdict.text : "Event sent";
}

function find(stages: Stage[], key: string): Stage | undefined {
  return stages.findLast((stage) => stage.key === key);
}
