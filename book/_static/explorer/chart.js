/* The explorer's three charts as SVG text, and the step under a pointer. Ibias.explorerChart */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, svg = Ibias.svg, State = Ibias.explorerState;
  var COLORS = ['var(--ib-a)', 'var(--ib-b)'], DASHES = ['2 3', '7 3', '9 3 2 3', '14 4'];
  var FLOOR = 1e-9; // errors below this are rounding

  /* the two recipes and the family of the first, with curves and looks; the two come last, on top */
  function lines(data, s) {
    var rest = State.family(data, s).map(function (m, i) {
      return { recipe: m.recipe, label: m.label, name: m.label, color: 'var(--ib-soft)', dash: DASHES[i % 4], lead: false };
    });
    var two = s.recipes.map(function (r, i) {
      return { recipe: r, label: 'AB'[i], name: 'AB'[i] + ': ' + State.title(data, s.set, r), color: COLORS[i], dash: i ? '8 4' : '', lead: true };
    });
    return rest.concat(two.reverse()).map(function (l) { return Object.assign(l, { curve: data.curve(s.set, l.recipe) }); });
  }

  function points(box, steps, values) {
    return values.map(function (v, i) { return v === null ? null : [box.x(steps[i]), box.y(v)]; });
  }

  function band(box, steps, l) {
    var top = points(box, steps, l.curve.most), bottom = points(box, steps, l.curve.least);
    if (top.concat(bottom).indexOf(null) >= 0) return '';
    return '<polygon points="' + svg.corners(top.concat(bottom.reverse())) + '" fill="' + l.color + '" opacity=".2"/>';
  }

  /* curves with dots at the chosen step; beside the dots of A and B their values */
  function drawn(box, steps, all, measure, at, text) {
    var out = '', values = [], x = box.x(steps[at]), left = x > (box.left + box.right) / 2;
    all.forEach(function (l) {
      var p = points(box, steps, l.curve[measure]);
      if (measure === 'error' && l.lead) out += band(box, steps, l);
      out += '<path d="' + svg.path(p) + '" fill="none" stroke="' + l.color + '" stroke-width="' + (l.lead ? 2.6 : 1.3) + '" stroke-linejoin="round"' + (l.dash ? ' stroke-dasharray="' + l.dash + '"' : '') + '/>';
      if (p[at]) out += '<circle cx="' + svg.fixed(p[at][0]) + '" cy="' + svg.fixed(p[at][1]) + '" r="' + (l.lead ? 4.5 : 2.5) + '" fill="' + l.color + '"/>';
      if (p[at] && l.lead) values.push({ y: p[at][1] - 8, text: l.label + ' ' + text(l.curve[measure][at]), color: l.color });
    });
    svg.spread(values, 15, box.top + 12, box.bottom - 4).forEach(function (v) {
      out += '<text class="ib-halo ib-value" x="' + svg.fixed(x + (left ? -8 : 8)) + '" y="' + svg.fixed(v.y) + '" text-anchor="' + (left ? 'end' : 'start') + '" style="fill:' + v.color + '">' + v.text + '</text>';
    });
    return out;
  }

  /* names at the right end of every curve of the large chart */
  function names(box, all) {
    var labels = [];
    all.forEach(function (l) {
      var last = l.curve.error[l.curve.error.length - 1];
      if (last !== null) labels.push({ y: box.y(last), l: l });
    });
    return svg.spread(labels, 15, box.top + 4, box.bottom).map(function (b) {
      return '<path d="' + svg.path([[box.right + 1, b.y0], [box.right + 6, b.y]]) + '" fill="none" stroke="' + b.l.color + '" stroke-width=".8"/>' +
        '<text x="' + svg.fixed(box.right + 9) + '" y="' + svg.fixed(b.y + 4) + '" style="fill:' + b.l.color + (b.l.lead ? ';font-weight:700' : '') + '">' + svg.escape(b.l.label) + '</text>';
    }).join('');
  }

  function cursor(box, step) {
    return '<path class="ib-axis" stroke-dasharray="3 3" d="' + svg.path([[box.x(step), box.top], [box.x(step), box.bottom]]) + '"/>';
  }

  function sized(w, h, steps, more) {
    return Object.assign({ width: w, height: h, left: 44, right: 12, top: 10, bottom: 36, xmax: Math.log10(steps[steps.length - 1]) }, more);
  }

  /* {ymin, ymax} of what is shown: the curves, their bands, the promises */
  function range(data, s, all) {
    var seen = [];
    all.forEach(function (l) {
      seen = seen.concat(l.curve.error, l.lead ? l.curve.least : [], l.lead ? l.curve.most : []);
      if (l.lead) seen.push(data.promise(s.set, l.recipe).error);
    });
    seen = seen.filter(function (v) { return v !== null && v > 0; });
    var low = Math.max(FLOOR, Math.min.apply(null, seen) / 1.15), high = Math.max.apply(null, seen) * 1.05;
    return { ymin: Ibias.axes.nice(low, false), ymax: Ibias.axes.nice(Math.max(high, low * 4), true) };
  }

  /* what the theorems promise A and B in the limit, and the certified interval of the margin at the foot */
  function promised(box, data, s, ymin) {
    var width = Math.max.apply(null, s.recipes.map(function (r) { return data.promise(s.set, r).width; }));
    var top = Math.min(box.bottom - 4, width > ymin ? box.y(width) : Infinity), zero = [];
    var out = '<rect x="' + box.left + '" y="' + svg.fixed(top) + '" width="' + svg.fixed(box.right - box.left) + '" height="' + svg.fixed(box.bottom - top) + '" fill="var(--ib-soft)" opacity=".45"/>';
    s.recipes.forEach(function (r, i) {
      var p = data.promise(s.set, r).error;
      if (p === 0) zero.push('AB'[i]);
      if (!p) return;
      var y = svg.fixed(box.y(p));
      out += '<rect x="' + box.left + '" y="' + y + '" width="' + svg.fixed(box.right - box.left) + '" height="' + svg.fixed(box.bottom - y) + '" fill="' + COLORS[i] + '" opacity=".1"/>' +
        '<path d="M' + box.left + ' ' + y + 'H' + svg.fixed(box.right) + '" stroke="' + COLORS[i] + '" stroke-dasharray="1 3" stroke-width="2"/>' +
        '<text class="ib-halo" x="' + (box.left + 6) + '" y="' + svg.fixed(+y + 15) + '" style="fill:' + COLORS[i] + '">' + 'AB'[i] + ' in the limit: at most ' + svg.number(p) + '</text>';
    });
    if (zero.length) {
      out += '<text class="ib-halo" x="' + (box.left + 6) + '" y="' + svg.fixed(box.bottom - 10) + '" style="fill:' + (zero.length > 1 ? 'var(--ib-ink)' : COLORS['AB'.indexOf(zero[0])]) + '">↓ promised to ' + zero.join(' and ') + ' in the limit: error 0</text>';
    }
    return out;
  }

  function error(w, h, data, s, all) {
    var steps = data.numbers.steps, bounds = range(data, s, all);
    var box = Ibias.axes(sized(w, h, steps, Object.assign({ right: s.vary === 'none' ? 26 : 88, log: true, strong: 1 }, bounds)));
    var above = bounds.ymax > 1.01 ? '<text class="ib-tick ib-halo" x="' + svg.fixed(box.right - 4) + '" y="' + svg.fixed(box.y(1) - 5) + '" text-anchor="end">some sample misclassified</text>' : '';
    return { box: box, text: promised(box, data, s, bounds.ymin) + box.frame + above + cursor(box, steps[s.at]) +
      drawn(box, steps, all, 'error', s.at, function (v) { return svg.number(v, 4); }) + names(box, all) };
  }

  function plain(w, h, data, s, all, measure, low, high, digits) {
    var steps = data.numbers.steps, step = svg.niceStep(high - low), ticks = [];
    low = Math.floor(low / step + 1e-9) * step;
    high = Math.ceil(high / step - 1e-9) * step;
    for (var t = low; t <= high + 1e-9; t += step) ticks.push(+t.toFixed(6));
    var box = Ibias.axes(sized(w, h, steps, { ymin: low, ymax: high, ticks: ticks }));
    return { box: box, text: box.frame + cursor(box, steps[s.at]) + drawn(box, steps, all, measure, s.at, function (v) { return svg.number(v, digits); }) };
  }

  function extent(all, measure) {
    var seen = [];
    all.forEach(function (l) { seen = seen.concat(l.curve[measure].filter(function (v) { return v !== null; })); });
    return seen.length ? [Math.min.apply(null, seen), Math.max.apply(null, seen)] : [0, 1];
  }

  function cosine(w, h, data, s, all) {
    return plain(w, h, data, s, all, 'cosine', Math.min(extent(all, 'cosine')[0], 0.9), 1, 4);
  }

  function loss(w, h, data, s, all) {
    var e = extent(all, 'loss');
    return plain(w, h, data, s, all, 'loss', Math.min(e[0], e[1] - 1), e[1], 2);
  }

  /* the recorded step nearest to a place on the drawing */
  function nearest(box, steps, x) {
    var best = 0;
    steps.forEach(function (t, i) { if (Math.abs(box.x(t) - x) < Math.abs(box.x(steps[best]) - x)) best = i; });
    return best;
  }

  Ibias.explorerChart = { lines: lines, error: error, cosine: cosine, loss: loss, nearest: nearest, COLORS: COLORS };
})(typeof globalThis !== 'undefined' ? globalThis : this);
