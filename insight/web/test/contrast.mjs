// Contrast of texts to what is behind them: at least 4.5 to 1, as WCAG 2.2 asks for (1.4.3). Both functions run in the page.

/** Texts of the page that are too faint. Disabled controls are exempt, as in WCAG. */
export function contrastOfPage() {
  const parse = (colour) => {
    const numbers = colour.match(/[\d.]+/g).map(Number);
    return { r: numbers[0], g: numbers[1], b: numbers[2], a: numbers[3] ?? 1 };
  };
  const over = (top, bottom) => ({ r: top.r * top.a + bottom.r * (1 - top.a), g: top.g * top.a + bottom.g * (1 - top.a), b: top.b * top.a + bottom.b * (1 - top.a), a: 1 });
  const light = ({ r, g, b }) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    if (element === null) return parse(getComputedStyle(document.documentElement).backgroundColor);
    const colour = parse(getComputedStyle(element).backgroundColor);
    return colour.a === 1 ? colour : over(colour, behind(element.parentElement));
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    if (text === "" || element.closest("script, noscript, style, title, :disabled, option") !== null || element.getClientRects().length === 0) continue;
    const style = getComputedStyle(element);
    const ink = parse(element instanceof SVGElement ? style.fill : style.color);
    const ground = behind(element);
    const [a, b] = [light(over(ink, ground)), light(ground)].sort((a, b) => b - a);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.push(`${ratio.toFixed(2)}: ${text.slice(0, 40)}`);
  }
  return faint;
}

/** Texts of a drawing that are too faint. What was drawn last at a text's middle is behind it. */
export function contrastOfSvg(svg) {
  const root = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  const parse = (hex) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
  const light = (rgb) => rgb.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const faint = [];
  for (const part of [root, ...root.querySelectorAll("svg")]) {
    const drawn = [...part.querySelectorAll("rect, text")].filter((element) => element.closest("svg") === part && element.closest("defs") === null);
    const number = (element, name) => Number(element.getAttribute(name));
    drawn.forEach((text, i) => {
      if (text.tagName !== "text") return;
      const anchor = text.getAttribute("text-anchor");
      const x = number(text, "x") + (anchor === "end" ? -4 : 4), y = number(text, "y");
      let ground = parse(root.querySelector("rect:not(defs rect)").getAttribute("fill"));
      for (const rect of drawn.slice(0, i)) {
        const fill = rect.getAttribute("fill");
        if (rect.tagName !== "rect" || !fill.startsWith("#")) continue;
        const [left, top] = [number(rect, "x"), number(rect, "y")];
        if (x < left || y < top || x > left + number(rect, "width") || y > top + number(rect, "height")) continue;
        const opacity = Number(rect.getAttribute("fill-opacity") ?? 1);
        ground = parse(fill).map((c, at) => c * opacity + ground[at] * (1 - opacity));
      }
      const [a, b] = [light(parse(text.getAttribute("fill"))), light(ground)].sort((a, b) => b - a);
      const ratio = (a + 0.05) / (b + 0.05);
      if (ratio < 4.5) faint.push(`${ratio.toFixed(2)}: ${text.textContent.slice(0, 40)}`);
    });
  }
  return faint;
}
