/* A frame with decades on the x-axis and, as asked, a logarithmic or a plain y-axis. Ibias.axes */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, svg = Ibias.svg;

  function decades(lo, hi) {
    var out = [];
    for (var e = Math.ceil(lo - 1e-9); e <= hi + 1e-9; e++) out.push(e);
    return out;
  }

  /* ticks of a logarithmic axis: decades, or 1, 2, 5 of each where there are few of them */
  function logTicks(lo, hi) {
    var few = Math.log10(hi / lo) < 2.2, out = [];
    for (var e = Math.floor(Math.log10(lo)) - 1; e <= Math.log10(hi) + 1; e++) {
      (few ? [1, 2, 5] : [1]).forEach(function (lead) {
        var v = +(lead + 'e' + e);
        if (v >= lo * 0.999 && v <= hi * 1.001) out.push(v);
      });
    }
    return out;
  }

  /* the 1, 2 or 5 times a power of ten next below (up: above) a positive value */
  function nice(value, up) {
    var e = Math.floor(Math.log10(value)), fits = [1, 2, 5, 10].map(function (lead) { return +(lead + 'e' + e); })
      .filter(function (v) { return up ? v >= value * 0.999 : v <= value * 1.001; });
    return up ? fits[0] : fits[fits.length - 1];
  }

  /* o: {width, height, left, right, top, bottom, xmax (decades from 1), ymin, ymax, log (y logarithmic),
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
    (o.log ? logTicks(o.ymin, o.ymax) : o.ticks).forEach(function (v) {
      var at = y(v), strong = o.strong !== undefined && Math.abs(v - o.strong) < 1e-12;
      frame += '<path class="' + (strong ? 'ib-axis' : 'ib-grid') + '" d="M' + o.left + ' ' + svg.fixed(at) + 'h' + svg.fixed(w) + '"/>' +
        '<text class="ib-tick" x="' + (o.left - 6) + '" y="' + svg.fixed(at + 4) + '" text-anchor="end">' + svg.tick(v, o.log) + '</text>';
    });
    // between the last whole decade and the end of the axis, on the line of its numbers
    frame += '<text class="ib-tick" x="' + svg.fixed(o.left + w) + '" y="' + svg.fixed(o.top + h + 31) + '" text-anchor="end">' + svg.escape(o.xlabel || 'steps') + '</text>';
    return { x: x, y: y, frame: frame, left: o.left, right: o.left + w, top: o.top, bottom: o.top + h };
  }

  axes.nice = nice;
  Ibias.axes = axes;
})(typeof globalThis !== 'undefined' ? globalThis : this);
