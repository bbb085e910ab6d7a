/* One moment of the front page's animation as SVG text. Ibias.heroScene */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, svg = Ibias.svg, geometry = Ibias.geometry;
  var SIDE = 300, LOW = -1.35, HIGH = 2.65; // pixels of the drawing, and the square of weight space that it shows: where things happen
  // nested widths: recipes that agree stay visible on top of each other
  var LOOKS = {
    'full batch': { text: 'full batch', color: 'var(--ib-full)', width: 9 }, 'variance reduction': { text: '+ VR', color: 'var(--ib-vr)', width: 5.5 },
    momentum: { text: '+ momentum', color: 'var(--ib-momentum)', width: 2.5 }, 'mini-batch': { text: '1 sample a step', color: 'var(--ib-mini)', width: 4 }
  };
  var ORDER = Object.keys(LOOKS);

  function to(p) { return [SIDE * (p[0] - LOW) / (HIGH - LOW), SIDE * (HIGH - p[1]) / (HIGH - LOW)]; }

  function ball(norm, radius) {
    var shape = geometry.BALLS[norm], reach = radius * shape.unit, centre = to([0, 0]);
    var look = ' fill="var(--ib-ball)" fill-opacity=".13" stroke="var(--ib-ball)" stroke-width="2"/>';
    if (shape.corners) return '<polygon points="' + svg.corners(shape.corners.map(function (c) { return to([c[0] * reach, c[1] * reach]); })) + '"' + look;
    return '<circle cx="' + svg.fixed(centre[0]) + '" cy="' + svg.fixed(centre[1]) + '" r="' + svg.fixed(SIDE * reach / (HIGH - LOW)) + '"' + look;
  }

  /* index into the recorded steps, and the share of the way to the next one; time runs logarithmically */
  function moment(panel, share) {
    var exact = share * (panel.steps.length - 1), i = Math.min(Math.floor(exact), panel.steps.length - 2);
    return { i: i, rest: exact - i };
  }

  function position(panel, lane, share) {
    var m = moment(panel, share), a = lane.at[m.i], b = lane.at[m.i + 1];
    return [a[0] + m.rest * (b[0] - a[0]), a[1] + m.rest * (b[1] - a[1])];
  }

  function errorAt(panel, lane, share) {
    var m = moment(panel, share);
    return lane.error[m.rest > 0.5 ? m.i + 1 : m.i];
  }

  /* from the origin, outwards with the logarithm of time, to the ball at the end */
  function path(panel, lane, share) {
    var points = [[0, 0]], parts = 60;
    for (var k = 1; k <= parts; k++) {
      var u = share * k / parts, at = position(panel, lane, u);
      points.push([at[0] * u, at[1] * u]);
    }
    return points.map(to);
  }

  function arrow(points, look) {
    var tip = points[points.length - 1], before = points[points.length - 6], x = tip[0] - before[0], y = tip[1] - before[1], h = Math.hypot(x, y);
    var out = '<path d="' + svg.path(points) + '" fill="none" stroke="' + look.color + '" stroke-width="' + look.width + '" stroke-linejoin="round" stroke-linecap="round"/>';
    if (h < 1) return out;
    var ux = x / h, uy = y / h, s = 4 + look.width, back = [tip[0] - s * ux, tip[1] - s * uy];
    return out + '<polygon points="' + svg.corners([[tip[0] + s * ux, tip[1] + s * uy], [back[0] - s * uy * 0.8, back[1] + s * ux * 0.8], [back[0] + s * uy * 0.8, back[1] - s * ux * 0.8]]) + '" fill="' + look.color + '"/>';
  }

  function lanes(panel) {
    return panel.lanes.slice().sort(function (a, b) { return ORDER.indexOf(a.name) - ORDER.indexOf(b.name); });
  }

  /* grown, share: 0..1, how far the ball and the optimizers have come */
  function scene(points, panel, grown, share) {
    var touch = to(panel.touch), region = geometry.region(points, 1, HIGH).map(to), centre = to([0, 0]).map(svg.fixed);
    var out = '<polygon points="' + svg.corners(region) + '" fill="var(--ib-shade)" stroke="var(--ib-shadeline)" stroke-width="2"/>' +
      '<path class="ib-grid" d="M0 ' + centre[1] + 'H' + SIDE + 'M' + centre[0] + ' 0V' + SIDE + '"/>' + ball(panel.norm, grown / panel.margin);
    if (share > 0) lanes(panel).forEach(function (l) { out += arrow(path(panel, l, share), LOOKS[l.name]); });
    if (grown >= 1) out += '<circle cx="' + svg.fixed(touch[0]) + '" cy="' + svg.fixed(touch[1]) + '" r="8" fill="none" stroke="var(--ib-ink)" stroke-width="3"/>';
    return out;
  }

  /* three classes: the rows of W of two methods, outwards with the logarithm of time, and rings where their norms' best rows lie */
  function rows(three, share) {
    var reach = 0, out = '';
    three.lanes.forEach(function (l) { l.touch.forEach(function (r) { reach = Math.max(reach, Math.abs(r[0]), Math.abs(r[1])); }); });
    function at(r, k) { return [SIDE / 2 * (1 + 0.82 * k * r[0] / reach), SIDE / 2 * (1 - 0.82 * k * r[1] / reach)]; }
    out += '<path class="ib-grid" d="M0 ' + SIDE / 2 + 'H' + SIDE + 'M' + SIDE / 2 + ' 0V' + SIDE + '"/>';
    three.lanes.forEach(function (l, i) {
      var color = 'var(--ib-' + l.norm + ')';
      l.touch.forEach(function (r) {
        var p = at(r, 1);
        out += '<circle cx="' + svg.fixed(p[0]) + '" cy="' + svg.fixed(p[1]) + '" r="8" fill="none" stroke="' + color + '" stroke-width="3"/>';
      });
      if (share > 0) [0, 1, 2].forEach(function (c) { out += arrow(rowPath(three, l, c, share, at), { color: color, width: 5.5 - 2 * i }); });
    });
    return out;
  }

  function rowPath(three, lane, c, share, at) {
    var points = [at([0, 0], 1)], parts = 60;
    for (var k = 1; k <= parts; k++) {
      var u = share * k / parts, m = moment(three, u), a = lane.at[m.i][c], b = lane.at[m.i + 1][c];
      points.push(at([a[0] + m.rest * (b[0] - a[0]), a[1] + m.rest * (b[1] - a[1])], u));
    }
    return points;
  }

  Ibias.heroScene = { SIDE: SIDE, LOOKS: LOOKS, scene: scene, rows: rows, lanes: lanes, errorAt: errorAt };
})(typeof globalThis !== 'undefined' ? globalThis : this);
