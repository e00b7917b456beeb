// Elements. Texts become text nodes, never markup.

type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | number | boolean | ((event: never) => void) | undefined>;

function fill(element: Element, attributes: Attributes, children: Child[]): void {
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key.slice(2), value as unknown as EventListener);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== undefined) element.setAttribute(key, String(value));
  }
  append(element, ...children);
}

export function append(element: Element, ...children: Child[]): void {
  for (const child of children) if (child !== null && child !== undefined && child !== false) element.append(child);
}

export function el<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  fill(element, attributes, children);
  return element;
}

export const SVG = "http://www.w3.org/2000/svg";

export function svg<K extends keyof SVGElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, tag);
  fill(element, attributes, children);
  return element;
}

/** A name from the program. It has its own direction of writing. */
export function name(text: string): HTMLElement {
  return el("bdi", { class: "name" }, text);
}

/** Buttons of which one is pressed. */
export function choice(label: string, options: string[], chosen: number, choose: (option: number) => void): { element: HTMLElement; set(option: number): void } {
  const buttons = options.map((option, i) => el("button", { type: "button", "aria-pressed": String(i === chosen), onclick: () => { set(i); choose(i); } }, option));
  const set = (option: number) => buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === option)));
  return { element: el("div", { class: "choice", role: "group", "aria-label": label }, ...buttons), set };
}

/** Offers a file for download. */
export function download(file: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  el("a", { href: url, download: file }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
