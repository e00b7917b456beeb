// Reads the data elements of the page. The format is that of `insight/src/html/columns.rs`.

/** Bars by row. Those of one row don't overlap and are sorted by start. */
export interface Bars {
  /** Nanoseconds after the header's base. */
  start: Float64Array;
  end: Float64Array;
  /** The sum of the lengths before each bar, and of all at the end. */
  sum: Float64Array;
  /** The first bar of each row, and the number of bars at the end. */
  first: Uint32Array;
}

export interface LaneInfo { process: number; id: string; name: string; pool: [string, number, number] | null }

export interface Header {
  version: number; program: string; base: string; from: number; to: number; cpus: number | null;
  cores: number | null; spans: number; processes: [number, string][]; lanes: LaneInfo[]; names: string[];
  locks: [string, string][]; because: string[]; columns: [string, number][];
}

export interface Spans extends Bars {
  count: number;
  name: Uint32Array;
  /** An index of a span, or -1. */
  parent: Int32Array;
  idHigh: Uint32Array;
  idLow: Uint32Array;
  flags: Uint8Array;
  fan: Int32Array;
  trace: Uint32Array;
  lane: Uint32Array;
  row: Uint32Array;
}

export interface Path { start: Float64Array; end: Float64Array; span: Int32Array; lane: Uint32Array; because: Uint8Array }

export interface Model {
  header: Header;
  rows: { count: number; asynchronous: Uint8Array; of: Uint32Array };
  spans: Spans;
  polls: Bars & { span: Int32Array };
  waits: Bars & { cause: Uint8Array; span: Int32Array; lock: Int32Array; holder: Int32Array; releaser: Int32Array };
  strands: Bars & { fan: Uint32Array };
  fans: { kind: Uint8Array; begin: Float64Array; join: Float64Array; children: Uint32Array };
  stages: { span: Uint32Array; kind: Uint8Array; at: Float64Array };
  traces: Uint8Array;
  items: Map<number, number>;
  dropped: Map<number, number>;
  paths: [Path, Path];
  flame: {
    parent: Int32Array; name: Uint32Array; count: Float64Array; own: Float64Array; critical: Float64Array;
    longest: Uint32Array;
  };
}

export const POLLED = 1, NESTED = 2, OPEN = 4, ERROR = 8;

/** The bytes of a data element. It is removed, so that the browser can free its text. */
export async function bytesOf(id: string): Promise<Uint8Array> {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`this file has no element "${id}": it was cut off`);
  const text = element.textContent ?? "";
  element.remove();
  const packed = fromBase64(text);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const native = (Uint8Array as unknown as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> }).fromBase64;
  if (native !== undefined) return native.call(Uint8Array, text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Reads numbers and differences from a column. */
class Reader {
  private at = 0;
  private last = 0;
  constructor(readonly bytes: Uint8Array) {}

  get ended(): boolean {
    return this.at >= this.bytes.length;
  }

  number(): number {
    const bytes = this.bytes;
    let byte = bytes[this.at++]!;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let unit = 0x80;
    do {
      byte = bytes[this.at++]!;
      value += (byte & 0x7f) * unit;
      unit *= 0x80;
    } while (byte >= 0x80);
    return value;
  }

  signed(): number {
    const value = this.number();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  difference(): number {
    return (this.last += this.signed());
  }
}

export function decode(bytes: Uint8Array): Model {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as Header;
  const columns = new Map<string, Uint8Array>();
  let at = 4 + length;
  for (const [name, size] of header.columns) {
    columns.set(name, bytes.subarray(at, at + size));
    at += size;
  }
  const column = (name: string): Uint8Array => columns.get(name) ?? new Uint8Array(0);
  const numbers = <T extends Uint32Array | Float64Array>(name: string, into: T): T => {
    const reader = new Reader(column(name));
    for (let i = 0; i < into.length; i++) into[i] = reader.number();
    return into;
  };
  const differences = <T extends Uint32Array | Int32Array | Float64Array>(name: string, into: T, plus = 0): T => {
    const reader = new Reader(column(name));
    for (let i = 0; i < into.length; i++) into[i] = reader.difference() + plus;
    return into;
  };

  const rowKind = column("row_kind");
  const rows = { count: rowKind.length, asynchronous: rowKind, of: differences("row_of", new Uint32Array(rowKind.length)) };
  const bars = (kind: string): Bars => {
    const counts = numbers(`row_${kind}s`, new Uint32Array(rows.count));
    const first = new Uint32Array(rows.count + 1);
    for (let row = 0; row < rows.count; row++) first[row + 1] = first[row]! + counts[row]!;
    const count = first[rows.count]!;
    const start = new Float64Array(count), end = new Float64Array(count), sum = new Float64Array(count + 1);
    const gap = new Reader(column(`${kind}_gap`)), len = new Reader(column(`${kind}_len`));
    for (let row = 0; row < rows.count; row++) {
      let time = 0;
      for (let i = first[row]!; i < first[row + 1]!; i++) {
        time += gap.signed();
        const length = len.number();
        start[i] = time;
        time += length;
        end[i] = time;
        sum[i + 1] = sum[i]! + length;
      }
    }
    return { start, end, sum, first };
  };

  const spanBars = bars("span");
  const count = spanBars.start.length;
  const spans: Spans = {
    ...spanBars,
    count,
    name: numbers("span_name", new Uint32Array(count)),
    parent: differences("span_parent", new Int32Array(count), -1),
    ...ids(column("span_id"), count),
    flags: column("span_flags"),
    fan: differences("span_fan", new Int32Array(count), -1),
    trace: differences("span_trace", new Uint32Array(count)),
    lane: new Uint32Array(count),
    row: new Uint32Array(count),
  };
  const asyncLane = new Reader(column("async_lane"));
  for (let row = 0; row < rows.count; row++) {
    const asynchronous = rows.asynchronous[row] === 1;
    for (let i = spans.first[row]!; i < spans.first[row + 1]!; i++) {
      spans.row[i] = row;
      spans.lane[i] = asynchronous ? asyncLane.difference() : rows.of[row]!;
    }
  }
  const polls = bars("poll"), waits = bars("wait"), strands = bars("strand");
  const waitCount = waits.start.length;
  const fanCount = column("fan_kind").length, stageCount = column("stage_kind").length;
  const join = numbers("fan_join", new Float64Array(fanCount)), begin = differences("fan_begin", new Float64Array(fanCount));
  for (let i = 0; i < fanCount; i++) join[i] = join[i] === 0 ? Number.NaN : begin[i]! + join[i]! - 1;
  const flameCount = countOf(column("flame_parent"));
  const flameParent = new Int32Array(numbers("flame_parent", new Uint32Array(flameCount)));
  for (let i = 0; i < flameCount; i++) flameParent[i]! -= 1;
  const path = (kind: string): Path => {
    const steps = column(`${kind}_because`).length;
    const gap = new Reader(column(`${kind}_gap`)), len = new Reader(column(`${kind}_len`));
    const start = new Float64Array(steps), end = new Float64Array(steps);
    let time = 0;
    for (let i = 0; i < steps; i++) {
      start[i] = time += gap.signed();
      end[i] = time += len.number();
    }
    return {
      start, end,
      span: differences(`${kind}_span`, new Int32Array(steps), -1),
      lane: differences(`${kind}_lane`, new Uint32Array(steps)),
      because: column(`${kind}_because`),
    };
  };
  return {
    header, rows, spans,
    polls: { ...polls, span: differences("poll_span", new Int32Array(polls.start.length), -1) },
    waits: {
      ...waits,
      cause: column("wait_cause"),
      span: differences("wait_span", new Int32Array(waitCount), -1),
      lock: new Int32Array(numbers("wait_lock", new Uint32Array(waitCount))).map((lock) => lock - 1),
      holder: differences("wait_holder", new Int32Array(waitCount), -1),
      releaser: differences("wait_releaser", new Int32Array(waitCount), -1),
    },
    strands: { ...strands, fan: numbers("strand_fan", new Uint32Array(strands.start.length)) },
    fans: { kind: column("fan_kind"), begin, join, children: numbers("fan_children", new Uint32Array(fanCount)) },
    stages: {
      span: differences("stage_span", new Uint32Array(stageCount)),
      kind: column("stage_kind"),
      at: differences("stage_at", new Float64Array(stageCount)),
    },
    traces: column("traces"),
    items: sparse(column("items")),
    dropped: sparse(column("dropped")),
    paths: [path("critical"), path("observed")],
    flame: {
      parent: flameParent,
      name: numbers("flame_name", new Uint32Array(flameCount)),
      count: numbers("flame_count", new Float64Array(flameCount)),
      own: numbers("flame_own", new Float64Array(flameCount)),
      critical: numbers("flame_critical", new Float64Array(flameCount)),
      longest: numbers("flame_longest", new Uint32Array(flameCount)),
    },
  };
}

/** How many numbers a column has. */
function countOf(column: Uint8Array): number {
  let count = 0;
  for (const byte of column) if (byte < 0x80) count++;
  return count;
}

function sparse(column: Uint8Array): Map<number, number> {
  const reader = new Reader(column);
  const map = new Map<number, number>();
  while (!reader.ended) map.set(reader.difference(), reader.number());
  return map;
}

/** Ids are sums modulo 2^64 of what the column has. */
function ids(column: Uint8Array, count: number): { idHigh: Uint32Array; idLow: Uint32Array } {
  const view = new DataView(column.buffer, column.byteOffset, column.byteLength);
  const idHigh = new Uint32Array(count), idLow = new Uint32Array(count);
  let high = 0, low = 0;
  for (let i = 0; i < count; i++) {
    const sum = low + view.getUint32(i * 8, true);
    low = sum >>> 0;
    high = (high + view.getUint32(i * 8 + 4, true) + (sum > 0xffff_ffff ? 1 : 0)) >>> 0;
    idHigh[i] = high;
    idLow[i] = low;
  }
  return { idHigh, idLow };
}

const hex = (value: number): string => value.toString(16).padStart(8, "0");

export function idOf(model: Model, span: number): string {
  return hex(model.spans.idHigh[span]!) + hex(model.spans.idLow[span]!);
}

export function traceOf(model: Model, span: number): string {
  const at = model.spans.trace[span]! * 16;
  return Array.from(model.traces.subarray(at, at + 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The span with an id of 16 hexadecimal digits, or -1. */
export function findId(model: Model, id: string): number {
  if (!/^[0-9a-f]{16}$/i.test(id)) return -1;
  const high = Number.parseInt(id.slice(0, 8), 16), low = Number.parseInt(id.slice(8), 16);
  const { idHigh, idLow, count } = model.spans;
  for (let i = 0; i < count; i++) if (idLow[i] === low && idHigh[i] === high) return i;
  return -1;
}
