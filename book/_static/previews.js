// Pointing at a link, or reaching it by keyboard, shows what it leads to: an equation, statement, figure, table, symbol, claim or reference.
// Escape or leaving hides the card; on a touch screen the first tap shows it and the second follows. The content is in _static/previews, one script a page.
(() => {
  "use strict";
  const LINKS = "article a.internal[href*='#'], article .bibtex a[href*='#'], article a.ibias-symbol";
  const WAIT = 180, GRACE = 200; // milliseconds: a pointer on its way across opens nothing, and may cross to the card
  const root = new URL(document.documentElement.dataset.content_root || "./", location.href).href;
  const loads = new Map();
  let card, owner = null, timer = 0, touch = false;

  function target(link) {
    const url = new URL(link.href);
    const inside = (url.origin + url.pathname).replace(/^null/, "file://");
    const base = root.split(/[?#]/)[0];
    const page = inside.startsWith(base) ? inside.slice(base.length) : "";
    return page.endsWith(".html") && url.hash ? { page: page.slice(0, -5), id: decodeURIComponent(url.hash.slice(1)) } : null;
  }
  function cards(page) {
    if (!loads.has(page)) {
      loads.set(page, new Promise((done) => {
        const script = document.createElement("script");
        script.src = `${root}_static/previews/${page.replaceAll("/", "-")}.js`;
        script.onload = () => done((window.IbiasCards || {})[page] || {});
        script.onerror = () => done({});
        document.head.append(script);
      }));
    }
    return loads.get(page);
  }
  function made() {
    if (card) return card;
    card = document.createElement("div");
    card.className = "ibias-card";
    card.id = "ibias-card";
    card.setAttribute("role", "tooltip");
    card.hidden = true;
    card.addEventListener("pointerenter", () => clearTimeout(timer));
    card.addEventListener("pointerleave", later);
    document.querySelector("article").append(card);
    return card;
  }
  async function show(link) {
    const place = target(link);
    const html = place && (await cards(place.page))[place.id];
    if (!html || owner !== link) return false;
    made().innerHTML = html;
    card.querySelectorAll("img[data-src]").forEach((image) => { image.src = root + image.dataset.src; });
    card.hidden = false;
    card.style.visibility = "hidden"; // measured and typeset before it is seen
    // one typesetting at a time: another may be under way while the page loads
    if (window.MathJax?.startup?.promise) {
      await (MathJax.startup.promise = MathJax.startup.promise.then(() => MathJax.typesetPromise([card])));
    }
    if (owner !== link) return false;
    card.querySelectorAll("[tabindex]").forEach((node) => node.removeAttribute("tabindex"));
    put(link);
    link.setAttribute("aria-describedby", card.id);
    card.style.visibility = "";
    card.querySelectorAll("img").forEach((image) => image.addEventListener("load", () => owner === link && put(link)));
    return true;
  }
  function put(link) {
    const at = link.getClientRects()[0] || link.getBoundingClientRect();
    const width = card.offsetWidth, height = card.offsetHeight, gap = 8;
    const below = at.bottom + gap + height <= innerHeight || at.top < innerHeight - at.bottom;
    card.style.left = `${Math.max(gap, Math.min(at.left, document.documentElement.clientWidth - width - gap))}px`;
    card.style.top = `${below ? at.bottom + gap : Math.max(gap, at.top - gap - height)}px`;
  }
  function hide() {
    clearTimeout(timer);
    owner?.removeAttribute("aria-describedby");
    owner = null;
    if (card) card.hidden = true;
  }
  function later() {
    clearTimeout(timer);
    timer = setTimeout(hide, GRACE);
  }
  function begin(link, wait) {
    clearTimeout(timer);
    if (owner === link) return;
    timer = setTimeout(() => {
      hide();
      owner = link;
      show(link);
    }, wait);
  }
  // its title is the name of a symbol's link; shown as well, it would cover the card
  addEventListener("DOMContentLoaded", () => document.querySelectorAll("a.ibias-symbol[title]").forEach((link) => {
    link.setAttribute("aria-label", link.title);
    link.removeAttribute("title");
  }));
  const of = (event) => event.target.closest?.(LINKS);

  document.addEventListener("pointerdown", (event) => { touch = event.pointerType === "touch"; }, true);
  document.addEventListener("pointerover", (event) => {
    const link = of(event);
    if (link && event.pointerType !== "touch") begin(link, WAIT);
  });
  document.addEventListener("pointerout", (event) => {
    const link = of(event);
    if (link && !link.contains(event.relatedTarget)) later();
  });
  document.addEventListener("focusin", (event) => {
    const link = of(event);
    if (link && link.matches(":focus-visible") && !touch) begin(link, 0);
  });
  document.addEventListener("focusout", (event) => of(event) && later());
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  // reaching a link by keyboard scrolls to it: the card goes along, and goes when its link does
  addEventListener("scroll", () => {
    if (!owner || card?.hidden !== false) return;
    const at = owner.getBoundingClientRect();
    if (at.bottom < 0 || at.top > innerHeight) hide();
    else put(owner);
  }, { passive: true, capture: true });
  document.addEventListener("click", (event) => {
    const link = of(event);
    if (touch && link && owner !== link && target(link)) {
      event.preventDefault();
      hide();
      owner = link;
      show(link).then((shown) => { if (!shown && owner === link) location.href = link.href; });
    } else if (!card?.contains(event.target)) hide();
  });
})();
