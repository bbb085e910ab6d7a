/* A frame with decades on the x-axis and, as asked, decades or plain numbers on the y-axis. Ibias.axes */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, svg = Ibias.svg;

  function decades(lo, hi) {
    var out = [];
    for (var e = Math.ceil(lo - 1e-9); e <= hi + 1e-9; e++) out.push(e);
    return out;
  }

  /* o: {width, height, left, right, top, bottom, xmax (decades from 1), ymin, ymax, log (y in decades),
   *     ticks (values where y is plain), strong (the y value drawn darker), xlabel}
   * Answers {x(step), y(value), frame, left, right, top, bottom} in pixels; y clips to the frame. */
  function axes(o) {
    var w = o.width - o.left - o.right, h = o.height - o.top - o.bottom;
    function clip(v) { return Math.max(o.ymin, Math.min(o.ymax, v)); }
    function x(step) { return o.left + w * Math.log10(Math.max(step, 1)) / o.xmax; }
    function y(value) {
      var u = o.log ? (Math.log10(o.ymax) - Math.log10(clip(value))) / (Math.log10(o.ymax) - Math.log10(o.ymin))
        : (o.ymax - clip(value)) / (o.ymax - o.ymin);
      return o.top + h * u;
    }
    var frame = '';
    decades(0, o.xmax).forEach(function (e) {
      var at = svg.fixed(x(Math.pow(10, e)));
      frame += '<path class="ib-grid" d="M' + at + ' ' + o.top + 'v' + svg.fixed(h) + '"/>' +
        '<text class="ib-tick" x="' + at + '" y="' + svg.fixed(o.top + h + 16) + '" text-anchor="middle">' + svg.power(e) + '</text>';
    });
    var marks = o.log ? decades(Math.log10(o.ymin), Math.log10(o.ymax)).map(function (e) { return [Math.pow(10, e), svg.power(e)]; })
      : o.ticks.map(function (v) { return [v, String(v).replace('-', '−')]; });
    marks.forEach(function (m) {
      var at = y(m[0]), strong = o.strong !== undefined && Math.abs(m[0] - o.strong) < 1e-12;
      frame += '<path class="' + (strong ? 'ib-axis' : 'ib-grid') + '" d="M' + o.left + ' ' + svg.fixed(at) + 'h' + svg.fixed(w) + '"/>' +
        '<text class="ib-tick" x="' + (o.left - 6) + '" y="' + svg.fixed(at + 4) + '" text-anchor="end">' + m[1] + '</text>';
    });
    frame += '<text class="ib-tick" x="' + svg.fixed(o.left + w) + '" y="' + svg.fixed(o.top + h + 31) + '" text-anchor="end">' + svg.escape(o.xlabel || 'steps') + '</text>';
    return { x: x, y: y, frame: frame, left: o.left, right: o.left + w, top: o.top, bottom: o.top + h };
  }

  Ibias.axes = axes;
})(typeof globalThis !== 'undefined' ? globalThis : this);
