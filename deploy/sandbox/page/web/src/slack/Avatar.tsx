/** A coloured square with initials; the same person has the same colour everywhere. */
export function Avatar({ name, app }: { name: string; app: boolean }) {
  const initials = name
    .split(/\s+/)
    .map((word) => [...word][0] ?? "")
    .join("")
    .slice(0, 2);
  return (
    <span className="avatar" data-hue={app ? "app" : hue(name)} aria-hidden="true">
      {initials}
    </span>
  );
}

function hue(name: string): number {
  let sum = 0;
  for (const letter of name) sum += letter.codePointAt(0) ?? 0;
  return sum % 6;
}
