/* The margin race as SVG text, and as a table of numbers. Ibias.raceView */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, svg = Ibias.svg;
  var FLOOR = 1e-6, CEILING = 4;

  /* the worst of each interval as a line, and the band down to the best: an oscillation looks like what it is */
  function curve(box, l, norm, t) {
    var seen = l.history.filter(function (h) { return h.high[norm] !== undefined; });
    if (!seen.length) return '';
    var high = seen.map(function (h) { return [box.x(h.t), box.y(h.high[norm])]; }), low = seen.map(function (h) { return [box.x(h.t), box.y(h.low[norm])]; });
    if (l.now[norm] !== null) high.push([box.x(t), box.y(l.now[norm])]);
    return '<polygon points="' + svg.corners(high.concat(low.reverse())) + '" fill="' + l.color + '" opacity=".18"/>' +
      '<path d="' + svg.path(high) + '" fill="none" stroke="' + l.color + '" stroke-width="2.2" stroke-linejoin="round"' + (l.dash ? ' stroke-dasharray="' + l.dash + '"' : '') + '/>';
  }

  function label(l, error) {
    return svg.escape(l.text) + (error !== null && error <= FLOOR ? (error < 1e-14 ? ' (exact)' : ' (<10⁻⁶)') : '');
  }

  /* one panel: relative margin error measured in `norm`; narrow panels put no labels beside the curves */
  function panel(w, h, race, norm, labelled) {
    var decades = Math.min(5, Math.max(2, Math.ceil(Math.log10(Math.max(race.t, 1)) + 0.02)));
    var box = Ibias.axes({ width: w, height: h, left: 44, right: labelled ? (w < 480 ? 106 : 128) : 12, top: 12, bottom: 36, xmax: decades, ymin: FLOOR, ymax: CEILING, log: true, strong: 1 });
    var out = box.frame + '<text class="ib-tick ib-halo" x="' + svg.fixed(box.right - 4) + '" y="' + svg.fixed(box.y(1) - 6) + '" text-anchor="end">' + (w < 300 ? 'wrong side' : 'some point on the wrong side') + '</text>';
    var labels = race.lanes.map(function (l) {
      out += curve(box, l, norm, race.t);
      var error = l.now ? l.now[norm] : null, y = box.y(error === null ? 1 : error);
      if (race.t > 0 && error !== null) out += '<circle cx="' + svg.fixed(box.x(race.t)) + '" cy="' + svg.fixed(y) + '" r="3.5" fill="' + l.color + '"/>';
      return { y: y, l: l, text: label(l, error) };
    });
    if (!labelled) return out;
    svg.spread(labels, 15, box.top + 4, box.bottom).forEach(function (b) {
      if (race.t > 0) out += '<path d="' + svg.path([[box.x(race.t) + 5, b.y0], [box.right + 4, b.y]]) + '" fill="none" stroke="' + b.l.color + '" stroke-width=".8" opacity=".5"/>';
      out += '<text x="' + svg.fixed(box.right + 8) + '" y="' + svg.fixed(b.y + 4) + '" style="fill:' + b.l.color + ';font-weight:600">' + b.text + '</text>';
    });
    return out;
  }

  function number(v) { return svg.number(v, 4); }

  function legend(race) {
    return race.lanes.map(function (l) {
      return '<span class="ib-inline"><svg class="ib-key" viewBox="0 0 26 4" aria-hidden="true"><path d="M0 2H26" stroke="' + l.color + '" stroke-width="3" stroke-dasharray="' + l.dash + '"/></svg>' + svg.escape(l.name) + '</span>';
    }).join(' ');
  }

  /* rows of [name, least margin, error in each norm] */
  function table(race) {
    var head = '<tr><th scope="col">optimizer</th><th scope="col">least margin</th>' + race.norms.map(function (n) { return '<th scope="col">error, ' + n + ' norm</th>'; }).join('') + '</tr>';
    return '<thead>' + head + '</thead><tbody>' + race.lanes.map(function (l) {
      var now = l.now || { margin: 0 };
      return '<tr><th scope="row"><span class="ib-swatch" style="border-top-color:' + l.color + '"></span> ' + svg.escape(l.name) + '</th><td>' + number(now.margin) + '</td>' +
        race.norms.map(function (n) { return '<td>' + number(now[n]) + '</td>'; }).join('') + '</tr>';
    }).join('') + '</tbody>';
  }

  Ibias.raceView = { panel: panel, table: table, legend: legend, number: number };
})(typeof globalThis !== 'undefined' ? globalThis : this);
