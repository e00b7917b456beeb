// Numbers, times and names as text.

const group = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export const count = (value: number): string => group.format(value);

/** A word for one, or with an `s` for any other number. */
export const plural = (value: number, one: string): string => (value === 1 ? one : `${one}s`);

/** `1 span`, `4,096 spans`. */
export const counted = (value: number, one: string): string => `${count(value)} ${plural(value, one)}`;

const two = (value: number): string => String(value).padStart(2, "0");

/** A length of time with three digits at most, as `duration` in `core/src/tree/text.rs` writes it. */
export function time(ns: number): string {
  const sign = ns < 0 ? "-" : "", size = Math.round(Math.abs(ns)), seconds = Math.round(size / 1e9);
  if (size === 0) return "0 s";
  if (seconds >= 3600) return `${sign}${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
  if (seconds >= 60) return `${sign}${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  const digits = Number(size.toPrecision(3));
  const [unit, name] = digits < 1e3 ? [1, "ns"] : digits < 1e6 ? [1e3, "µs"] : digits < 1e9 ? [1e6, "ms"] : [1e9, "s"];
  return `${sign}${Number((digits / unit).toPrecision(3))} ${name}`;
}

export function percent(part: number, whole: number): string {
  if (!(whole > 0)) return "–";
  const value = (100 * part) / whole;
  return value !== 0 && Math.abs(value) < 0.1 ? "<0.1 %" : `${value.toFixed(Math.abs(value) < 9.95 ? 1 : 0)} %`;
}

export const factor = (value: number): string => `${value.toFixed(value < 9.95 ? 1 : 0)}×`;

/** Nanoseconds since 1970, as text, to a date. */
export function date(ns: string): string {
  const at = new Date(Number(BigInt(ns) / 1_000_000n));
  return Number.isNaN(at.getTime()) ? "" : `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

// Control characters, and the marks that change the direction of the text behind them.
const control = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** The longest name that is shown, in characters. */
const LONGEST = 120;

/** A name as one line of bounded length. */
export function shown(name: string, longest = LONGEST): string {
  if (name === "") return "(no name)";
  let text = name.length > 4 * longest ? name.slice(0, 4 * longest) : name;
  text = text.replace(control, "·");
  const points = Array.from(text);
  return points.length > longest ? `${points.slice(0, longest - 1).join("")}…` : text;
}

/** Cuts a text to a number of bytes in UTF-8. */
export function cut(text: string, bytes: number): string {
  const encoder = new TextEncoder();
  if (encoder.encode(text).length <= bytes) return text;
  let kept = "", size = encoder.encode("…").length;
  for (const point of text) {
    size += encoder.encode(point).length;
    if (size > bytes) break;
    kept += point;
  }
  return `${kept}…`;
}

/** Round steps for an axis with about `wanted` of them. */
export function step(range: number, wanted: number): number {
  const raw = Math.max(range / wanted, 1e-9);
  const power = 10 ** Math.floor(Math.log10(raw));
  const part = raw / power;
  return power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}
