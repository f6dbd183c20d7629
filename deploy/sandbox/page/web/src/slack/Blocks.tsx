// Block Kit: what is only read is drawn by slack-blocks-to-jsx, what is used is drawn here with the
// browser's own controls, which bring their keyboard and their roles along.
import { type Block as DrawnBlock, Message as Drawn } from "slack-blocks-to-jsx";
import { Fragment, type ReactNode, useMemo } from "react";
import { useDark } from "../state/theme";
import type { BlockActs } from "./blockActs";
import { formatDate } from "./dates";
import { ElementView, isUsable } from "./elements/ElementView";
import { InputBlock } from "./elements/InputBlock";
import type { Block, Values } from "./types";
import { usePeople } from "./usePeople";

interface Props {
  blocks: Block[];
  acts: BlockActs;
  values: Values;
}

const USED = new Set(["actions", "input", "context_actions"]);

export function Blocks({ blocks, acts, values }: Props) {
  const groups = useMemo(() => grouped(blocks), [blocks]);
  return (
    <div className="blocks">
      {groups.map((group, index) => (
        <Fragment key={index}>{drawGroup(group, acts, values)}</Fragment>
      ))}
    </div>
  );
}

function drawGroup(group: Block[], acts: BlockActs, values: Values): ReactNode {
  const [first] = group;
  if (!first) return null;
  if (first.type === "input") return <InputBlock block={first} acts={acts} />;
  if (USED.has(first.type)) {
    return (
      <div className="actions">
        {first.elements?.map((element, index) => (
          <ElementView
            key={element.action_id ?? index}
            element={element}
            blockId={first.block_id}
            acts={acts}
            values={values}
          />
        ))}
      </div>
    );
  }
  if (first.accessory && isUsable(first.accessory)) {
    const { accessory, ...rest } = first;
    return (
      <div className="with-accessory">
        <Static blocks={[rest]} />
        <ElementView element={accessory} blockId={first.block_id} acts={acts} values={values} />
      </div>
    );
  }
  return <Static blocks={group} />;
}

/** Neighbouring blocks that are only read are drawn together. */
function grouped(blocks: Block[]): Block[][] {
  const groups: Block[][] = [];
  let run: Block[] | undefined;
  for (const block of blocks) {
    if (USED.has(block.type) || (block.accessory && isUsable(block.accessory))) {
      groups.push([block]);
      run = undefined;
    } else if (run) {
      run.push(block);
    } else {
      run = [block];
      groups.push(run);
    }
  }
  return groups;
}

/** To the library `verbatim` means no mark-up at all; to Slack, that names and addresses make no links. */
function drawable(blocks: Block[]): DrawnBlock[] {
  const text = JSON.stringify(blocks, (key, value: unknown) => (key === "verbatim" ? undefined : value));
  return JSON.parse(text) as DrawnBlock[]; // the library's type is closed; ours lets new blocks in
}

function Static({ blocks }: { blocks: Block[] }) {
  const { data, me } = usePeople();
  const dark = useDark();
  const zone = me?.tz;
  const drawn = useMemo(() => drawable(blocks), [blocks]);
  const hooks = useMemo(
    () => ({
      user: ({ name, id }: { name?: string; id: string }) => <span className="mention">@{name ?? id}</span>,
      channel: ({ name, id }: { name?: string; id: string }) => <span className="mention">#{name ?? id}</span>,
      usergroup: ({ name, id }: { name?: string; id: string }) => <span className="mention">@{name ?? id}</span>,
      atChannel: () => <span className="mention">@channel</span>,
      atHere: () => <span className="mention">@here</span>,
      atEveryone: () => <span className="mention">@everyone</span>,
      // An address would leave the sandbox: it is shown, not followed.
      link: ({ href, children }: { href: string; children: ReactNode }) => <span title={href}>{children}</span>,
      date: ({ timestamp, format, fallback }: { timestamp: string; format: string; fallback: string }) => (
        <time dateTime={new Date(Number(timestamp) * 1000).toISOString()}>
          {formatDate(timestamp, format, fallback, zone)}
        </time>
      ),
    }),
    [zone],
  );
  return (
    <Drawn
      blocks={drawn}
      name=""
      logo=""
      withoutWrapper
      theme={dark ? "dark" : "light"}
      hooks={hooks}
      data={data}
    />
  );
}
