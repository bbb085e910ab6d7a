/* Weight space as SVG text: two classes as the plane of u with growing balls, three as the rows of W. Ibias.weightView */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, geometry = Ibias.geometry, svg = Ibias.svg, Frame = Ibias.frame;
  var SHORT = { max: 'max', frobenius: 'Frobenius', sum: 'sum', spectral: 'spectral' };
  var MARGIN = 1.55; // weight space reaches this many radii of the largest touching ball
  var STEP = 36;     // pixels of the arrow of one step

  function ball(f, radius, norm, attributes) {
    var shape = geometry.BALLS[norm], reach = radius * shape.unit;
    if (shape.corners) return '<polygon points="' + svg.corners(shape.corners.map(function (c) { return f.to([c[0] * reach, c[1] * reach]); })) + '" ' + attributes + '/>';
    var centre = f.to([0, 0]);
    return '<circle cx="' + svg.fixed(centre[0]) + '" cy="' + svg.fixed(centre[1]) + '" r="' + svg.fixed(f.to([reach, 0])[0] - centre[0]) + '" ' + attributes + '/>';
  }

  /* where u is drawn: on its own ball, its trail running outwards with the logarithm of time */
  function place(f, race, l, t, u) {
    var best = race.best[l.run.norm], reach = best.separable ? 1 / best.margin : f.half / 3, long = geometry.value(u, l.run.norm);
    var k = long > 1e-12 ? reach / long * Math.log(1 + t) / Math.log(1 + race.t) : 0;
    return f.to([u[0] * k, u[1] * k]);
  }

  function direction(f, race, l) {
    var trail = [f.to([0, 0])].concat(l.history.map(function (h) { return place(f, race, l, h.t, h.u); }));
    var out = '<path d="' + svg.path(trail) + '" fill="none" stroke="' + l.color + '" stroke-width="1.2" opacity=".6"/>';
    return geometry.value(l.u, l.run.norm) > 1e-12 ? out + Frame.arrow(f.to([0, 0]), place(f, race, l, race.t, l.u), l) : out;
  }

  /* which way the last step pulled: its direction only, at the tip */
  function step(f, race, l, marks) {
    var d = Ibias.engine.difference(l.run.last), h = Math.hypot(d[0], d[1]), from = place(f, race, l, race.t, l.u);
    if (!(h > 0)) return '';
    var tip = [from[0] + STEP * d[0] / h, from[1] - STEP * d[1] / h];
    if (f.width > 240) marks.push({ x: tip[0] + 6, y: tip[1] + 4, text: 'this step', color: l.color });
    return '<g class="ib-laststep">' + Frame.arrow(from, tip, { color: l.color, dash: '3 2' }, 2) + '</g>';
  }

  function touching(f, best, norm, s, arrived, marks) {
    var p = f.to(best.touch), three = s.mode === 'norms', out = '';
    if (!best.unique) out += '<path d="' + svg.path([f.to(best.lo), f.to(best.hi)]) + '" stroke="var(--ib-ink)" stroke-width="6" stroke-linecap="round" opacity=".45"/>';
    marks.push({ x: p[0] + 10, y: p[1] + (three ? 4 : -9), text: three ? SHORT[norm] : best.unique ? 'touches here' : 'touches along this edge' });
    return out + '<circle cx="' + svg.fixed(p[0]) + '" cy="' + svg.fixed(p[1]) + '" r="' + (arrived ? 5.5 : 3) + '" fill="var(--ib-panel)" stroke="var(--ib-ink)" stroke-width="2"/>';
  }

  function cross(f, race, s, marks) {
    var plain = s.mode === 'recipes' && s.batch === 1 && s.lanes.indexOf('mini') >= 0, v = Ibias.engine.sampleAverage(race.z, s.norm), long = geometry.value(v, s.norm);
    if (!plain || !(long > 1e-9)) return '';
    var k = 1 / long / race.best[s.norm].margin, p = f.to([v[0] * k, v[1] * k]);
    marks.push({ x: p[0] + 10, y: p[1] + 4, text: 'sample average' });
    return '<path d="M' + svg.fixed(p[0] - 6) + ' ' + svg.fixed(p[1] - 6) + 'l12 12m0 -12l-12 12" stroke="var(--ib-mini)" stroke-width="2"/>';
  }

  /* grown: 0..1, the share of its final radius that the ball has reached; slow: steps can be told apart */
  function plane(w, h, race, s, grown, slow) {
    var norms = s.mode === 'norms' ? race.norms : [s.norm], can = race.best[s.norm].separable, reach = 1, marks = [];
    if (can) reach = Math.max.apply(null, norms.map(function (n) { return geometry.BALLS[n].unit / race.best[n].margin; }));
    var f = Frame.create(w, h, reach * MARGIN), tickStep = svg.niceStep(f.half), tick = f.to([tickStep, 0]), out = '';
    if (can) out += '<polygon points="' + svg.corners(geometry.region(race.z, 1, f.half).map(f.to)) + '" fill="var(--ib-shade)" stroke="var(--ib-shadeline)" stroke-width="1.5"/>';
    out += Frame.grid(f, tickStep) + '<text class="ib-tick" x="' + svg.fixed(tick[0]) + '" y="' + svg.fixed(tick[1] + 14) + '" text-anchor="middle">' + (+tickStep.toPrecision(2)) + '</text>';
    if (!can) marks.push({ x: 10, y: 30, text: 'no W gives every point a positive margin' });
    norms.forEach(function (n) {
      var mine = s.mode === 'norms' ? race.lanes.filter(function (l) { return l.id === n; })[0] : null;
      if (can) out += ball(f, grown / race.best[n].margin, n, mine ? Frame.stroke(mine, 1.6) : 'fill="var(--ib-ball)" fill-opacity=".1" stroke="var(--ib-ball)" stroke-width="2"');
    });
    if (can) out += cross(f, race, s, marks);
    if (race.t > 0) race.lanes.forEach(function (l) { out += direction(f, race, l); });
    if (can) norms.forEach(function (n) { out += touching(f, race.best[n], n, s, grown > 0.995, marks); });
    if (slow && race.t > 0) out += step(f, race, Ibias.caption.lead(race, s), marks);
    return out + Frame.labels(f, marks);
  }

  /* three classes: the rows of W around their mean, each W scaled to the norm of its best */
  function rowsOf(w) {
    var mean = [0, 1].map(function (j) { return (w[j] + w[2 + j] + w[4 + j]) / 3; });
    return [0, 1, 2].map(function (c) { return [w[2 * c] - mean[0], w[2 * c + 1] - mean[1]]; });
  }

  function rows(w, h, race) {
    var can = race.lanes.every(function (l) { return race.best[l.run.norm].separable; }), reach = 0, marks = [], out = '';
    var scaled = race.lanes.map(function (l) {
      var long = Ibias.race.size(race, l, l.run.norm);
      return long > 0 ? Ibias.matrix.scaled(l.run.w, (can ? 1 / race.best[l.run.norm].margin : 1) / long) : l.run.w;
    });
    var ends = can ? race.lanes.map(function (l) { return race.best[l.run.norm].weights; }) : scaled;
    ends.concat(scaled).forEach(function (m) { rowsOf(m).forEach(function (r) { reach = Math.max(reach, Math.abs(r[0]), Math.abs(r[1])); }); });
    var f = Frame.create(w, h, (reach || 1) * 1.2), step = svg.niceStep(f.half);
    out += Frame.grid(f, step);
    race.lanes.forEach(function (l, i) {
      if (can) rowsOf(ends[i]).forEach(function (r, c) {
        var p = f.to(r);
        out += '<circle cx="' + svg.fixed(p[0]) + '" cy="' + svg.fixed(p[1]) + '" r="6" fill="var(--ib-panel)" stroke="' + l.color + '" stroke-width="2"/>';
        if (i === 0) marks.push({ x: p[0] + 10, y: p[1] - 8, text: 'row ' + c });
      });
      if (race.t > 0) rowsOf(scaled[i]).forEach(function (r) { out += Frame.arrow(f.to([0, 0]), f.to(r), l); });
    });
    return out + Frame.labels(f, marks);
  }

  function draw(w, h, race, s, grown, slow) { return race.z ? plane(w, h, race, s, grown, slow) : rows(w, h, race); }

  Ibias.weightView = { draw: draw, SHORT: SHORT };
})(typeof globalThis !== 'undefined' ? globalThis : this);
