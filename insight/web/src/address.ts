// The page's address: `#span=` and 16 hexadecimal digits select a span, and the selection is put there. A comparison has a key for each side.

import { idOf } from "./data.ts";
import type { Details } from "./details.ts";

export function address(sides: Details[]): void {
  const read = (): void => {
    const wanted = new URLSearchParams(location.hash.slice(1));
    for (const details of sides) {
      const { state } = details, id = wanted.get(details.key);
      if (id === null) continue;
      const span = state.span(id.toLowerCase());
      if (span < 0) details.missing(id);
      else if (span !== state.selected) {
        state.select(span);
        state.reveal([span], true);
        document.getElementById("timeline")?.scrollIntoView({ block: "start" });
      }
    }
  };
  const write = (what: string): void => {
    if (what !== "selection") return;
    const chosen = sides.filter(({ state }) => state.selected >= 0);
    const hash = chosen.map(({ key, state }) => `${key}=${idOf(state.model, state.selected)}`).join("&");
    if (location.hash.slice(1) !== hash) history.replaceState(null, "", hash === "" ? location.pathname + location.search : `#${hash}`);
  };
  for (const { state } of sides) state.listen(write);
  addEventListener("hashchange", read);
  read();
}
