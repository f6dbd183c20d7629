import type { ReactNode } from "react";

interface Props {
  id: "azure" | "ways" | "slack";
  title: string;
  about: string;
  tools?: ReactNode;
  children: ReactNode;
}

/** One of the three columns. */
export function Pane({ id, title, about, tools, children }: Props) {
  return (
    <section className={`pane pane--${id}`} aria-labelledby={`pane-${id}`} data-tour={`pane-${id}`}>
      <header className="pane__head">
        <h2 id={`pane-${id}`}>{title}</h2>
        <p className="pane__about">{about}</p>
      </header>
      {tools}
      {children}
    </section>
  );
}
