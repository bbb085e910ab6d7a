/* How the search orders its finds: Sphinx's own numbers, and a page of instructions before a chapter that mentions a word as often. */
var Scorer = {
  score: ([page, , , , score]) => score + (page.startsWith("book/") && page !== "book/verdicts" ? 2 : 0),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: {0: 15, 1: 5, 2: -5},
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
