/* The explorer's sentences and its table: what a recipe reached, what the theorems promise it, and why nothing where they do not. Ibias.explorerWords */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, svg = Ibias.svg, State = Ibias.explorerState;

  function reached(data, s, r) {
    var e = data.curve(s.set, r).error[s.at], step = data.numbers.steps[s.at];
    var when = 'After ' + step.toLocaleString('en') + (step === 1 ? ' step ' : ' steps ');
    if (e === null) return when + 'there is no margin yet.';
    if (e >= 1) return when + 'some sample is still misclassified (error ' + svg.number(e, 4) + ').';
    return when + 'the error is ' + svg.number(e, 4) + ': ' + (Math.floor((1 - e) * 1000) / 10).toFixed(1) + ' % of the best margin.';
  }

  /* where the theorems stand, seen from the explorer's page */
  var THEOREMS = {
    'Theorem 4.1': '../notebooks/04_1_large_batch.html#thm-4-1',
    'Theorem 4.3': '../notebooks/04_2_momentum.html#thm-4-3',
    'Theorem 4.6': '../notebooks/04_3_variance_reduction.html#thm-4-6'
  };
  function linked(name) { return '<a href="' + THEOREMS[name] + '">' + name + '</a>'; }

  function short(v) { return v < 10 ? v.toPrecision(3) : v.toFixed(0); }

  /* the theorem, with the numbers that decide whether it says anything; HTML */
  function promised(data, s, r) {
    var p = data.promise(s.set, r), theorem = r.vr ? linked('Theorem 4.6') : r.beta > 0 ? linked('Theorem 4.3') + ', sharper form' : linked('Theorem 4.1');
    if (p.batches === 1) return 'Promised: the maximum margin in the limit, as a full batch has no noise (' + theorem + ').';
    if (r.vr) return 'Promised: the maximum margin in the limit, at any batch size (' + theorem + ').';
    if (p.error !== null) return 'Promised: an error of at most ' + svg.number(p.error) + ' in the limit (' + theorem + ').';
    var formula = r.beta > 0 ? '4 R N(β, m)' : '4 (m − 1) R';
    return 'Promised: nothing. With m = ' + p.batches + ' batches an epoch the noise may cost ' + formula + ' = ' + short(p.cost) + ' of the margin, and γ is only ' + short(p.margin) +
      ' (' + theorem + '). A momentum above ' + (1 - p.momentum < 0.001 ? '1 − ' + svg.number(1 - p.momentum) : p.momentum.toFixed(4)) + ' would earn a promise, and so would variance reduction.';
  }

  /* about the certified margin that errors are measured against */
  function certificate(data, s) {
    var set = data.set(s.set), width = Math.max.apply(null, s.recipes.map(function (r) { return data.promise(s.set, r).width; }));
    var loose = s.recipes.some(function (r) { return !data.promise(s.set, r).unique; });
    return 'Grey strip: the certified interval of γ, of relative width ' + (width > 0 ? svg.number(width) : 'zero') + ', drawn thicker than it is; errors above it cannot change by more than that. ' + set.title.replace(/^s/, 'S') + ': n = ' + set.n + ', d = ' + set.d + ', k = ' + set.k +
      '; medians of ' + data.numbers.seeds + ' shuffles, bands from the least to the largest.' + (loose ? ' The optimum of the max or spectral norm need not be unique; its cosine is to the canonical one.' : '');
  }

  function row(s, line) {
    var c = line.curve, i = s.at, none = c.error[i] === null;
    return '<tr' + (line.lead ? ' class="ib-chosen"' : '') + '><th scope="row"><span class="ib-swatch" style="border-top-color:' + line.color + '"></span> ' + svg.escape(line.name) + '</th><td>' + (none ? '–' : svg.number(c.error[i], 4)) +
      '</td><td>' + (none ? '–' : svg.number(c.least[i], 4) + ' … ' + svg.number(c.most[i], 4)) + '</td><td>' + svg.number(c.cosine[i], 4) + '</td><td>' + svg.number(c.loss[i], 2) + '</td></tr>';
  }

  function table(s, lines) {
    return '<thead><tr><th scope="col">recipe</th><th scope="col">error</th><th scope="col">over the shuffles</th><th scope="col">cosine</th><th scope="col">log₁₀ loss</th></tr></thead><tbody>' +
      lines.map(function (line) { return row(s, line); }).join('') + '</tbody>';
  }

  function title(data, s, i) { return 'AB'[i] + ': ' + State.title(data, s.set, s.recipes[i]); }

  Ibias.explorerWords = { reached: reached, promised: promised, certificate: certificate, table: table, title: title };
})(typeof globalThis !== 'undefined' ? globalThis : this);
