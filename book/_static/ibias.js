// Names that the theme gives its buttons and that are not what stands on them: who steers by voice says what is seen.
// And what is wider than the screen: formulas broken, scrolling boxes marked, figures enlarged by a tap.
(() => {
  "use strict";
  // In the page's head, before anything is painted. On a first visit the theme chooses its colours after the text is drawn, and
  // borders that depend on them move it; and formulas are set after the text, which moves it by lines: it is shown once, settled.
  const root = document.documentElement, PATIENCE = 3000;
  if (root.dataset.theme === "auto") root.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const settled = () => root.classList.remove("ibias-setting");
  if (window.MathJax) {
    root.classList.add("ibias-setting");
    setTimeout(settled, PATIENCE); // formulas that do not come keep nobody from reading
  }
  function mend() {
    // reads "Search Ctrl+K" and is called "Search"
    document.querySelectorAll(".search-button-field[aria-label]").forEach((button) => button.removeAttribute("aria-label"));
    // three icons, of which one shows, with titles of their own inside a button called "Color mode"
    document.querySelectorAll(".theme-switch-button svg.theme-switch").forEach((icon) => {
      icon.querySelectorAll("title").forEach((title) => title.remove());
      icon.removeAttribute("aria-labelledby");
      icon.setAttribute("aria-hidden", "true");
    });
  }
  // --- what is wider than its column ---
  const OPENS = ["c28", "c5B", "c7B", "c27E8"], CLOSES = ["c29", "c5D", "c7D", "c27E9"];
  // a bracket with an exponent is a bracket
  const bracket = (node) => node.matches("mjx-mo") ? node : node.querySelector(":scope > mjx-mo");
  const holds = (node, signs) => signs.some((sign) => bracket(node)?.querySelector(`.mjx-${sign}`));
  // The places of a formula where a line may end: before a relation or an operator and after a wide space; inside
  // brackets only where `inside` says so.
  function pieces(children, inside) {
    const made = [[]];
    let depth = 0;
    children.forEach((node, place) => {
      const sign = node.matches("mjx-mo") && ["3", "4"].includes(node.getAttribute("space"));
      const wide = place > 0 && parseFloat(children[place - 1].querySelector("mjx-mspace")?.style.width) >= 1;
      if ((sign || wide) && (inside || depth === 0) && made.at(-1).length) made.push([]);
      made.at(-1).push(node);
      depth += holds(node, OPENS) - holds(node, CLOSES);
    });
    return made;
  }
  // The hidden MathML beside a formula is wider than it: what counts is where the drawn parts end.
  const spills = (piece) => piece.scrollWidth > piece.clientWidth + 1;
  const cutOff = (math) => math.getBoundingClientRect().right > math.parentElement.getBoundingClientRect().right + 2;
  const tooWide = (math) => {
    const box = math.getBoundingClientRect(), column = math.closest("p, li, dd, td, div").getBoundingClientRect();
    return box.width > column.width + 1 || cutOff(math) || [...math.querySelectorAll(".ibias-piece")].some(spills)
      || [...math.children].some((part) => part.getBoundingClientRect().right > column.right + 1);
  };
  // MathJax 3 sets a formula in one line: a long one is cut at its signs into pieces between which a line may end.
  function breakFormulas() {
    document.querySelectorAll("article mjx-container > mjx-math").forEach((math) => {
      if (math.closest("table") || !math.checkVisibility()) return;
      for (const inside of [false, true]) {
        if (!tooWide(math)) return;
        const atoms = [...math.children].flatMap((node) => node.matches(".ibias-piece") ? [...node.children] : [node]);
        const cut = pieces(atoms, inside);
        if (cut.length < 2) continue;
        math.replaceChildren(...cut.map((nodes) => {
          const piece = document.createElement("span");
          piece.className = "ibias-piece";
          piece.append(...nodes);
          return piece;
        }));
        math.closest(".math")?.classList.add("ibias-lines");
      }
      // what no sign cuts scrolls
      [...math.querySelectorAll(".ibias-piece")].filter(spills).forEach((piece) => piece.classList.add("ibias-wide"));
      if (tooWide(math)) math.parentElement.classList.add("ibias-wide");
    });
  }
  const SCROLLS = ["pre", ".pst-scrollable-table-container", "mjx-container[display=true]", ".ibias-wide", ".ibias-frame"]
    .map((box) => `article ${box}`).join(", ");
  function hint() {
    breakFormulas();
    document.querySelectorAll(SCROLLS).forEach((box) => {
      // what scrolls fades at the side where more of it is, and must be reached by the keyboard
      const show = () => box.classList.toggle("ibias-more", box.scrollWidth - box.clientWidth - box.scrollLeft > 4);
      if (box.scrollWidth > box.clientWidth + 4 && !box.dataset.scrolls) {
        box.dataset.scrolls = "";
        box.tabIndex = 0;
        box.addEventListener("scroll", show, { passive: true });
      }
      show();
    });
  }
  // a figure fits the screen; on a phone a tap shows it in its own size, to be scrolled
  function enlarge(event) {
    const frame = event.target.closest?.(".ibias-frame");
    if (!frame || !matchMedia("(max-width: 720px)").matches || (event.key && event.key !== "Enter")) return;
    frame.classList.toggle("ibias-large");
    hint();
  }
  document.addEventListener("click", enlarge);
  document.addEventListener("keydown", enlarge);
  // who follows a link to a folded self-check, or to a row with a fold, wants to see it
  function unfold() {
    const box = document.getElementById(location.hash.slice(1));
    if (box?.classList.contains("toggle-hidden")) box.querySelector(".toggle-button")?.click();
    if (box?.matches("table.ibias-verdicts tr")) box.querySelector("details").open = true;
  }
  window.addEventListener("hashchange", unfold);
  window.addEventListener("load", () => {
    unfold();
    hint();
    // formulas are set after the page has loaded, and what a fold holds when it opens
    Promise.resolve(window.MathJax?.startup?.promise).then(() => document.fonts.ready).then(hint).finally(settled);
    document.querySelectorAll("article details").forEach((fold) => fold.addEventListener("toggle", hint));
  });
  window.addEventListener("resize", hint);
  document.addEventListener("DOMContentLoaded", () => {
    mend();
    // the icons become drawings a little later
    document.querySelectorAll(".theme-switch-button").forEach((button) => new MutationObserver(mend).observe(button, { childList: true }));
  });
})();
