// Looks at the page that is open, with everything unfolded: what lies outside of the window, what is cut off, which
// words of a drawing lie over others, and which words stand out too little from what is behind them (WCAG 2, AA).
(() => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
  const names = (element) => `${element.tagName.toLowerCase()}.${element.getAttribute("class") || ""}`;
  const told = (element) => `${names(element)}: ${element.textContent.trim().slice(0, 60)}`;
  const all = [...document.body.querySelectorAll("*")];
  const hasWords = (element) =>
    [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "");
  const texts = all.filter((element) => hasWords(element) && element.getClientRects().length > 0);

  const width = document.documentElement.clientWidth;
  const outside = all.filter((element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && (box.left < -0.5 || box.right > width + 0.5);
  });
  if (document.documentElement.scrollWidth > width) outside.push(document.documentElement);

  // What a drawing does not hold is not drawn.
  const beyond = (element) => {
    const [own, sheet] = [element, element.closest("svg")].map((one) => one.getBoundingClientRect());
    return own.left < sheet.left || own.right > sheet.right + 0.5 || own.bottom > sheet.bottom + 0.5;
  };
  const cut = texts.filter((element) => element.closest("svg") && beyond(element));
  cut.push(...all.filter(
    (element) => !element.closest("svg") && element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1,
  ));

  const drawn = texts.filter((element) => element.closest("svg")).map((element) => [element, element.getBBox()]);
  const overlapping = [];
  drawn.forEach(([one, a], index) => {
    for (const [other, b] of drawn.slice(index + 1)) {
      const meet = (start, size) =>
        Math.min(a[start] + a[size], b[start] + b[size]) - Math.max(a[start], b[start]);
      // Boxes of letters have room above and below: two lines may share a little of it.
      if (meet("x", "width") > 1 && meet("y", "height") > 3) overlapping.push(`${told(one)} | ${told(other)}`);
    }
  });

  const parts = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const [red, green, blue, opacity = 1] = parts(getComputedStyle(at).backgroundColor);
      if (opacity > 0) return opacity === 1 ? [red, green, blue] : null;
    }
    return [255, 255, 255];
  };
  const light = (colour) => {
    const [red, green, blue] = colour.map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (element) => {
    const style = getComputedStyle(element);
    const own = parts(element.closest("svg") ? style.fill : style.color);
    const ground = behind(element);
    if (ground === null || (own[3] ?? 1) !== 1 || style.opacity !== "1") return 0;
    const [one, other] = [light(own.slice(0, 3)), light(ground)];
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  };
  const faint = texts
    .filter((element) => contrast(element) < 4.5)
    .map((element) => `${contrast(element).toFixed(2)} ${told(element)}`);

  return {
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    texts: texts.length,
    outside: outside.map(told),
    cut: cut.map(told),
    overlapping,
    faint,
  };
})();
