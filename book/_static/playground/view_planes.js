/* The two planes as SVG text: data with decision lines, weights with the growing ball. Ibias.planes */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, geometry = Ibias.geometry, svg = Ibias.svg, settings = Ibias.settings;
  var SHORT = { max: 'max', frobenius: 'Frobenius', sum: 'sum' };
  var MARGIN = 1.55; // weight space reaches this many radii of the largest touching ball

  /* {to, from}: between the plane and the pixels of a w x h box whose half-width is `half` */
  function frame(w, h, half) {
    var k = w / (2 * half);
    return {
      half: half,
      to: function (p) { return [w / 2 + k * p[0], h / 2 - k * p[1]]; },
      from: function (x, y) { return [(x - w / 2) / k, (h / 2 - y) / k]; }
    };
  }

  function grid(f, step) {
    var out = '', count = Math.floor(f.half / step);
    for (var i = -count; i <= count; i++) {
      var v = i * step, cls = i === 0 ? 'ib-axis' : 'ib-grid';
      out += '<path class="' + cls + '" d="' + svg.path([f.to([v, -f.half]), f.to([v, f.half]), null, f.to([-f.half, v]), f.to([f.half, v])]) + '"/>';
    }
    return out;
  }

  function stroke(l, width) {
    return 'fill="none" stroke="' + l.color + '" stroke-width="' + width + '"' + (l.dash ? ' stroke-dasharray="' + l.dash + '"' : '');
  }

  /* the decision line {x: <u, x> = 0} */
  function decision(f, u, attributes) {
    var h = Math.hypot(u[0], u[1]);
    if (!(h > 0)) return '';
    var far = [-u[1] / h * 9, u[0] / h * 9];
    return '<path d="' + svg.path([f.to(far), f.to([-far[0], -far[1]])]) + '" ' + attributes + '/>';
  }

  function dataFrame(w, h) { return frame(w, h, settings.REACH + 0.3); }

  /* solid: where each method is now; dashed: the best of its norm */
  function dataLines(f, race, s) {
    var out = race.lanes.map(function (l) { return decision(f, l.run.u, 'fill="none" stroke="' + l.color + '" stroke-width="2.4" opacity=".9"'); }).join('');
    var norms = s.mode === 'norms' ? race.lanes.map(function (l) { return [l.run.norm, l.color]; }) : [[s.norm, 'var(--ib-ink)']];
    norms.forEach(function (n) {
      var best = race.best[n[0]];
      if (best.touch) out += decision(f, best.touch, 'fill="none" stroke="' + n[1] + '" stroke-width="1.6" stroke-dasharray="5 6"');
    });
    return out;
  }

  function ball(f, radius, norm, attributes) {
    var shape = geometry.BALLS[norm], reach = radius * shape.unit;
    if (shape.corners) return '<polygon points="' + svg.corners(shape.corners.map(function (c) { return f.to([c[0] * reach, c[1] * reach]); })) + '" ' + attributes + '/>';
    var centre = f.to([0, 0]);
    return '<circle cx="' + svg.fixed(centre[0]) + '" cy="' + svg.fixed(centre[1]) + '" r="' + svg.fixed(f.to([reach, 0])[0] - centre[0]) + '" ' + attributes + '/>';
  }

  function arrow(from, tip, l) {
    var x = tip[0] - from[0], y = tip[1] - from[1], length = Math.hypot(x, y), ux = x / length, uy = y / length;
    if (!(length > 12)) return '';
    var head = [[tip[0], tip[1]], [tip[0] - 12 * ux - 5 * uy, tip[1] - 12 * uy + 5 * ux], [tip[0] - 12 * ux + 5 * uy, tip[1] - 12 * uy - 5 * ux]];
    return '<path d="' + svg.path([from, [tip[0] - 8 * ux, tip[1] - 8 * uy]]) + '" ' + stroke(l, 2.6) + '/><polygon points="' + svg.corners(head) + '" fill="' + l.color + '"/>';
  }

  /* direction only: the arrow ends on its own ball, and its trail runs outwards with the logarithm of time */
  function direction(f, race, l) {
    var best = race.best[l.run.norm], reach = best.separable ? 1 / best.margin : f.half / 3, last = Math.log(1 + race.t);
    function at(t, u) {
      var size = geometry.value(u, l.run.norm), k = size > 1e-12 ? reach / size * Math.log(1 + t) / last : 0;
      return f.to([u[0] * k, u[1] * k]);
    }
    var trail = [f.to([0, 0])].concat(l.history.map(function (h) { return at(h.t, h.u); }));
    var out = '<path d="' + svg.path(trail) + '" fill="none" stroke="' + l.color + '" stroke-width="1.2" opacity=".6"/>';
    return geometry.value(l.run.u, l.run.norm) > 1e-12 ? out + arrow(f.to([0, 0]), at(race.t, l.run.u), l) : out;
  }

  function touching(f, best, norm, s, arrived) {
    var p = f.to(best.touch), three = s.mode === 'norms', right = !three && p[0] > f.to([0, 0])[0] * 1.24, out = '';
    if (!best.unique) out += '<path d="' + svg.path([f.to(best.lo), f.to(best.hi)]) + '" stroke="var(--ib-ink)" stroke-width="6" stroke-linecap="round" opacity=".45"/>';
    out += '<circle cx="' + svg.fixed(p[0]) + '" cy="' + svg.fixed(p[1]) + '" r="' + (arrived ? 5.5 : 3) + '" fill="var(--ib-panel)" stroke="var(--ib-ink)" stroke-width="2"/>';
    return out + '<text class="ib-halo" x="' + svg.fixed(p[0] + (right ? 0 : 10)) + '" y="' + svg.fixed(p[1] + (three ? 4 : -11)) + '" text-anchor="' + (right ? 'middle' : 'start') + '">' +
      (three ? SHORT[norm] : best.unique ? 'touches here' : 'touches along this edge') + '</text>';
  }

  function cross(f, race, s) {
    var plain = s.mode === 'recipes' && s.batch === 1 && s.lanes.indexOf('mini') >= 0, v = Ibias.engine.sampleAverage(race.z, s.norm), size = geometry.value(v, s.norm);
    if (!plain || !(size > 1e-9)) return '';
    var k = 1 / size / race.best[s.norm].margin, p = f.to([v[0] * k, v[1] * k]), middle = f.to([0, 0])[0];
    return '<path d="M' + svg.fixed(p[0] - 6) + ' ' + svg.fixed(p[1] - 6) + 'l12 12m0 -12l-12 12" stroke="var(--ib-mini)" stroke-width="2"/><text class="ib-halo" x="' + svg.fixed(p[0]) +
      '" y="' + svg.fixed(p[1] + (p[1] < 40 ? 22 : -12)) + '" text-anchor="' + (p[0] > middle * 1.4 ? 'end' : 'middle') + '">sample average</text>';
  }

  /* grown: 0..1, the share of its final radius that the ball has reached */
  function weights(w, h, race, s, grown) {
    var norms = s.mode === 'norms' ? geometry.NORMS : [s.norm], can = race.best[s.norm].separable, reach = 1;
    if (can) reach = Math.max.apply(null, norms.map(function (n) { return geometry.BALLS[n].unit / race.best[n].margin; }));
    var f = frame(w, h, reach * MARGIN), step = svg.niceStep(f.half), tick = f.to([step, 0]), out = '';
    if (can) out += '<polygon points="' + svg.corners(geometry.region(race.z, 1, f.half).map(f.to)) + '" fill="var(--ib-shade)" stroke="var(--ib-shadeline)" stroke-width="1.5"/>';
    out += grid(f, step) + '<text class="ib-tick" x="' + svg.fixed(tick[0]) + '" y="' + svg.fixed(tick[1] + 14) + '" text-anchor="middle">' + (+step.toPrecision(2)) + '</text>';
    if (!can) out += '<text class="ib-halo" x="50%" y="30" text-anchor="middle">no W gives every point a positive margin</text>';
    norms.forEach(function (n) {
      var mine = s.mode === 'norms' ? race.lanes.filter(function (l) { return l.id === n; })[0] : null;
      if (can) out += ball(f, grown / race.best[n].margin, n, mine ? stroke(mine, 1.6) : 'fill="var(--ib-ball)" fill-opacity=".1" stroke="var(--ib-ball)" stroke-width="2"');
    });
    if (can) out += cross(f, race, s);
    if (race.t > 0) race.lanes.forEach(function (l) { out += direction(f, race, l); });
    if (can) norms.forEach(function (n) { out += touching(f, race.best[n], n, s, grown > 0.995); });
    return out;
  }

  Ibias.planes = { dataFrame: dataFrame, dataGrid: function (f) { return grid(f, 1); }, dataLines: dataLines, weights: weights, SHORT: SHORT };
})(typeof globalThis !== 'undefined' ? globalThis : this);
