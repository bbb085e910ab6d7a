// Filters and sorts the claims of the Verdicts page; without it the page is the whole list. What is chosen stands in the address: #kind=paper&verdict=holds,
// or ?kind=paper&verdict=holds in the book's own links.
(() => {
  "use strict";
  const KINDS = { paper: "the papers'", ours: "our own", "self-check": "self-checks", expectation: "expectations" };
  const text = (node) => node.textContent.replace(/\s+/g, " ").trim();
  const part = (row, name) => [...row.classList].find((word) => word.startsWith(`${name}-`))?.slice(name.length + 1) || "";

  function start() {
    const tables = [...document.querySelectorAll("table.ibias-verdicts")];
    if (!tables.length) return;
    const rows = tables.flatMap((table) => [...table.querySelectorAll("tbody > tr")]);
    const names = new Map(rows.map((row) => [part(row, "chapter"), text(row.querySelector("td:last-child a"))]));
    const verdicts = new Map(rows.map((row) => [part(row, "verdict"), text(row.querySelector("strong")).replace(/^\S+ /, "")]));
    const choices = {
      kind: ["Whose", Object.entries(KINDS)], verdict: ["Verdict", [...verdicts]], chapter: ["Chapter", [...names]],
      sort: ["Order", [["verdict", "by verdict, red first"]]],
    };
    const bar = document.createElement("form");
    bar.className = "ibias-filter";
    for (const [name, [label, options]] of Object.entries(choices)) {
      const holder = document.createElement("label");
      const select = Object.assign(document.createElement("select"), { name });
      select.append(new Option(name === "sort" ? "as in the book" : "all", ""), ...options.map(([value, shown]) => new Option(shown, value)));
      holder.append(`${label} `, select);
      bar.append(holder);
    }
    const said = document.createElement("p");
    said.setAttribute("role", "status");
    bar.append(said);
    const first = tables[0].closest("section").parentElement.closest("section");
    first.before(bar);
    const places = rows.map((row) => row.parentElement);
    const order = ["not-reproduced", "contradicted", "not-tested", "vacuous", "holds-with-a-caveat", "holds"];

    function apply() {
      const want = Object.fromEntries(["kind", "verdict", "chapter"].map((name) => [name, bar.elements[name].value]));
      const shown = rows.filter((row) => Object.entries(want).every(([name, value]) => !value || part(row, name) === value));
      const rank = (row) => bar.elements.sort.value ? order.indexOf(part(row, "verdict")) : 0;
      const sorted = rows.map((row, place) => ({ row, place })).sort((a, b) => rank(a.row) - rank(b.row) || a.place - b.place);
      for (const { row, place } of sorted) {
        places[place].append(row);
        row.hidden = !shown.includes(row);
      }
      document.querySelectorAll("article section").forEach((section) => {
        const own = section.querySelectorAll("table.ibias-verdicts tbody > tr");
        section.hidden = own.length > 0 && ![...own].some((row) => !row.hidden);
      });
      bar.closest("section").hidden = false;
      const counts = [...verdicts].map(([slug, name]) => [shown.filter((row) => part(row, "verdict") === slug).length, name]);
      said.textContent = `${shown.length} of ${rows.length} claims: ${counts.filter(([n]) => n).map(([n, name]) => `${n} ${name}`).join(", ")}.`;
    }
    function read() {
      const chosen = location.hash.includes("=") ? location.hash.slice(1) : location.search;
      if (location.hash && !location.hash.includes("=")) return; // a link to one row: the filter stays as it is
      const state = new URLSearchParams(chosen);
      for (const select of bar.querySelectorAll("select")) {
        const value = state.get(select.name) || "";
        select.value = [...select.options].some((option) => option.value === value) ? value : "";
      }
      apply();
      if (chosen) bar.scrollIntoView();
    }
    bar.addEventListener("submit", (event) => event.preventDefault());
    bar.addEventListener("change", () => {
      const state = new URLSearchParams([...new FormData(bar)].filter(([name, value]) => value || name === "kind"));
      history.replaceState(null, "", `#${state}`);
      apply();
    });
    addEventListener("hashchange", read);
    apply();
    read();
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
