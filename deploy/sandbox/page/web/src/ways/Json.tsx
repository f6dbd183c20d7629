import { CopyButton } from "../kit/CopyButton";

/** JSON to be read and copied. */
export function Json({ value, what }: { value: unknown; what: string }) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return (
    <div className="json">
      <CopyButton text={text} what={what} />
      <pre tabIndex={0} aria-label={what}>
        {text}
      </pre>
    </div>
  );
}
