/* The explorer's three charts as SVG text, its sentence and its table. Ibias.explorerView */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, svg = Ibias.svg, State = Ibias.explorerState;
  var DASHES = ['', '7 3', '2 3', '9 3 2 3'];
  var FLOOR = 1e-5, CEILING = 3;

  /* the book's colours of norms and recipes; shades where the compared axis has an order */
  function look(data, s, m, i) {
    var names = { norm: m.state.norm, vr: m.state.vr ? 'vr' : 'mini' };
    return { color: 'var(--ib-' + (names[s.vary] || 's' + (i + 1)) + ')', dash: DASHES[i % 4] };
  }

  /* family members with their curves and looks */
  function lines(data, s) {
    return State.family(data, s).map(function (m, i) { return Object.assign(m, look(data, s, m, i), { curve: data.curve(m.state) }); });
  }

  function points(box, steps, values) {
    return values.map(function (v, i) { return v === null ? null : [box.x(steps[i]), box.y(v)]; });
  }

  function band(box, steps, line) {
    var top = points(box, steps, line.curve.most), bottom = points(box, steps, line.curve.least);
    if (top.concat(bottom).indexOf(null) >= 0) return '';
    return '<polygon points="' + svg.corners(top.concat(bottom.reverse())) + '" fill="' + line.color + '" opacity=".18"/>';
  }

  function drawn(box, steps, all, measure, labelled, at) {
    var out = '', labels = [];
    all.slice().sort(function (a, b) { return a.chosen - b.chosen; }).forEach(function (l) { // the chosen one on top
      var p = points(box, steps, l.curve[measure]), last = p[p.length - 1];
      if (measure === 'error') out += band(box, steps, l);
      out += '<path d="' + svg.path(p) + '" fill="none" stroke="' + l.color + '" stroke-width="' + (l.chosen ? 3.2 : 1.6) + '" stroke-linejoin="round"' + (l.dash ? ' stroke-dasharray="' + l.dash + '"' : '') + '/>';
      if (p[at]) out += '<circle cx="' + svg.fixed(p[at][0]) + '" cy="' + svg.fixed(p[at][1]) + '" r="' + (l.chosen ? 5 : 3) + '" fill="' + l.color + '"/>';
      if (last) labels.push({ y: last[1], l: l });
    });
    if (!labelled) return out;
    svg.spread(labels, 15, box.top + 4, box.bottom).forEach(function (b) {
      out += '<path d="' + svg.path([[box.right + 1, b.y0], [box.right + 6, b.y]]) + '" fill="none" stroke="' + b.l.color + '" stroke-width=".8"/>' +
        '<text x="' + svg.fixed(box.right + 9) + '" y="' + svg.fixed(b.y + 4) + '" style="fill:' + b.l.color + ';font-weight:' + (b.l.chosen ? 700 : 500) + '">' + svg.escape(b.l.label) + '</text>';
    });
    return out;
  }

  function cursor(box, step) {
    return '<path class="ib-axis" stroke-dasharray="3 3" d="' + svg.path([[box.x(step), box.top], [box.x(step), box.bottom]]) + '"/>';
  }

  function sized(w, h, steps, more) {
    return Object.assign({ width: w, height: h, left: 46, right: 14, top: 12, bottom: 36, xmax: Math.log10(steps[steps.length - 1]) }, more);
  }

  /* where the theorems leave the error of the chosen recipe in the limit */
  function promised(box, data, s) {
    var p = data.promise(s);
    if (p === null || p > 1) return '';
    var y = box.y(Math.max(p, FLOOR)), text = p > 0 ? 'certified in the limit: at most ' + p.toPrecision(2) : 'certified in the limit: 0';
    return '<rect x="' + box.left + '" y="' + svg.fixed(y - (p > 0 ? 0 : 5)) + '" width="' + svg.fixed(box.right - box.left) + '" height="' + svg.fixed(box.bottom - y + (p > 0 ? 0 : 5)) + '" fill="var(--ib-band)"/>' +
      '<text class="ib-halo" x="' + svg.fixed(box.left + 8) + '" y="' + svg.fixed(p > 0 ? y + 15 : y - 10) + '">' + text + '</text>';
  }

  function error(w, h, data, s, all) {
    var steps = data.numbers.steps, box = Ibias.axes(sized(w, h, steps, { right: w < 480 ? 92 : 112, ymin: FLOOR, ymax: CEILING, log: true, strong: 1 }));
    return promised(box, data, s) + box.frame + '<text class="ib-tick ib-halo" x="' + svg.fixed(box.right - 4) + '" y="' + svg.fixed(box.y(1) - 5) + '" text-anchor="end">some sample misclassified</text>' +
      cursor(box, steps[s.at]) + drawn(box, steps, all, 'error', true, s.at);
  }

  function cosine(w, h, data, s, all) {
    var steps = data.numbers.steps, least = 1;
    all.forEach(function (l) { l.curve.cosine.forEach(function (v) { if (v !== null) least = Math.min(least, v); }); });
    var low = Math.max(-1, Math.floor(least * 5) / 5), ticks = [];
    for (var t = low; t <= 1.0001; t += 0.2) ticks.push(+t.toFixed(1));
    var box = Ibias.axes(sized(w, h, steps, { ymin: low, ymax: 1, ticks: ticks, strong: 1 }));
    return box.frame + cursor(box, steps[s.at]) + drawn(box, steps, all, 'cosine', false, s.at);
  }

  function loss(w, h, data, s, all) {
    var steps = data.numbers.steps, low = 0, high = 0;
    all.forEach(function (l) { l.curve.loss.forEach(function (v) { if (v !== null) { low = Math.min(low, v); high = Math.max(high, v); } }); });
    var step = svg.niceStep(Math.max(high - low, 1)), ticks = [];
    low = Math.floor(low / step) * step;
    high = Math.max(Math.ceil(high / step) * step, low + step);
    for (var t = low; t <= high + 1e-9; t += step) ticks.push(+t.toFixed(2));
    var box = Ibias.axes(sized(w, h, steps, { ymin: low, ymax: high, ticks: ticks }));
    return box.frame + cursor(box, steps[s.at]) + drawn(box, steps, all, 'loss', false, s.at);
  }

  function small(v) { return v <= FLOOR * 1.0001 ? '≤ 10⁻⁵' : v < 1e-3 ? v.toExponential(1).replace(/e(.*)$/, function (_, e) { return ' · ' + svg.power(+e); }) : v.toPrecision(3); }
  function signed(v, digits) { return v === null ? '–' : v.toFixed(digits).replace('-', '−'); }

  /* what the reader sees, in words */
  function sentence(data, s) {
    var c = data.curve(s), e = c.error[s.at], step = data.numbers.steps[s.at], p = data.promise(s), set = data.set(s.set);
    var what = State.title(data, s) + ' on “' + set.title + '” after ' + step.toLocaleString('en') + (step === 1 ? ' step: ' : ' steps: ');
    var found = e === null ? 'no margin yet.' : e >= 1 ? 'some sample is still misclassified.' : 'margin ' + (Math.floor((1 - e) * 1000) / 10).toFixed(1) + ' % of the best possible.';
    return what + found + ' ' + (p === null ? 'The theorems promise nothing for this recipe: its effective margin is not positive.'
      : p === 0 ? 'The theorems promise the maximum margin in the limit.' : 'The theorems promise an error of at most ' + p.toPrecision(2) + ' in the limit.');
  }

  function certificate(data, s) {
    var b = data.best(s), set = data.set(s.set), width = (b.upper - b.lower) / b.upper;
    return 'Certified maximum margin in the ' + s.norm + ' norm: ' + b.lower.toPrecision(10) + ' … ' + b.upper.toPrecision(10) + ', relative width ' + width.toExponential(0).replace(/e(.*)$/, function (_, e) { return ' · ' + svg.power(+e); }).replace(' ·', ' ·') +
      '. Errors are taken from the upper end' + (b.unique ? '' : '; the optimum is not unique, and the cosine is to the one of least Frobenius norm') + '. Data: n = ' + set.n + ', d = ' + set.d + ', k = ' + set.k + '.';
  }

  function table(data, s, all) {
    return '<thead><tr><th scope="col">compared</th><th scope="col">relative error</th><th scope="col">over the seeds</th><th scope="col">cosine</th><th scope="col">log₁₀ loss</th></tr></thead><tbody>' + all.map(function (l) {
      var c = l.curve, i = s.at, none = c.error[i] === null;
      return '<tr' + (l.chosen ? ' class="ib-chosen"' : '') + '><th scope="row"><span class="ib-swatch" style="border-top-color:' + l.color + '"></span> ' + svg.escape(l.label) + '</th><td>' + (none ? '–' : small(c.error[i])) +
        '</td><td>' + (none ? '–' : small(c.least[i]) + ' … ' + small(c.most[i])) + '</td><td>' + signed(c.cosine[i], 4) + '</td><td>' + signed(c.loss[i], 2) + '</td></tr>';
    }).join('') + '</tbody>';
  }

  Ibias.explorerView = { lines: lines, error: error, cosine: cosine, loss: loss, sentence: sentence, certificate: certificate, table: table };
})(typeof globalThis !== 'undefined' ? globalThis : this);
