// Names that the theme gives its buttons and that are not what stands on them: who steers by voice says what is seen.
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
  document.addEventListener("DOMContentLoaded", () => {
    mend();
    // the icons become drawings a little later
    document.querySelectorAll(".theme-switch-button").forEach((button) => new MutationObserver(mend).observe(button, { childList: true }));
  });
})();
