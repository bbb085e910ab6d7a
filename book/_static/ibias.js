// Names that the theme gives its buttons and that are not what stands on them: who steers by voice says what is seen.
// And a word under pictures that are wider than the screen.
(() => {
  "use strict";
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
  function hint() {
    document.querySelectorAll("figure.ibias-figure").forEach((figure) => {
      const frame = figure.querySelector(".ibias-frame");
      figure.classList.toggle("ibias-scrolls", Boolean(frame) && frame.scrollWidth > frame.clientWidth + 4);
    });
    // a table that scrolls must be reached by the keyboard
    document.querySelectorAll("article table").forEach((table) => {
      if (table.scrollWidth > table.clientWidth) table.tabIndex = 0;
      else table.removeAttribute("tabindex");
    });
  }
  window.addEventListener("load", () => {
    hint();
    // formulas widen a table when they are set, after the page has loaded
    window.MathJax?.startup?.promise?.then(hint);
  });
  window.addEventListener("resize", hint);
  document.addEventListener("DOMContentLoaded", () => {
    mend();
    // the icons become drawings a little later
    document.querySelectorAll(".theme-switch-button").forEach((button) => new MutationObserver(mend).observe(button, { childList: true }));
  });
})();
