/* Small things that every drawing of this book needs; no DOM, so node can test them. Ibias.svg */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {};
  var SUPERSCRIPT = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];

  function fixed(v) { return v.toFixed(1); }

  function escape(text) {
    return String(text).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
  }

  /* points: [[x, y] or null, ...]; a null lifts the pen */
  function path(points) {
    var out = '', pen = false;
    points.forEach(function (p) {
      if (!p) { pen = false; return; }
      out += (pen ? 'L' : 'M') + fixed(p[0]) + ' ' + fixed(p[1]);
      pen = true;
    });
    return out;
  }

  function corners(points) {
    return points.map(function (p) { return fixed(p[0]) + ',' + fixed(p[1]); }).join(' ');
  }

  /* 10 to a whole power, as text: 1, 10, 10³, 10⁻⁶ */
  function power(exponent) {
    if (exponent === 0) return '1';
    if (exponent === 1) return '10';
    var digits = String(Math.abs(exponent)).split('').map(function (c) { return SUPERSCRIPT[+c]; }).join('');
    return '10' + (exponent < 0 ? '⁻' : '') + digits;
  }

  /* a number as the text of a tick: 0.02, 1, 10³ or 2·10⁻⁴ */
  function tick(v, log) {
    if (!log || v === 0 || (v >= 1e-2 && v <= 10)) return minus(String(+v.toPrecision(6)));
    var e = Math.floor(Math.log10(v) + 1e-9), lead = Math.round(v / Math.pow(10, e));
    return (lead === 1 ? '' : lead + '·') + power(e);
  }

  /* a measured number as text: three digits, small ones with a power of ten */
  function number(v, digits) {
    if (v === null || v === undefined) return '–';
    if (v !== 0 && Math.abs(v) < 1e-3) return minus(v.toExponential(1)).replace(/e(.*)$/, function (_, e) { return ' · ' + power(+e.replace('−', '-')); });
    return minus(digits === undefined ? v.toPrecision(3) : v.toFixed(digits));
  }

  /* a minus sign in place of the hyphen */
  function minus(text) { return String(text).replace(/-/g, '−'); }

  /* 1, 2 or 5 times a power of ten, about a third of `extent` */
  function niceStep(extent) {
    var raw = extent / 3, unit = Math.pow(10, Math.floor(Math.log10(raw))), lead = raw / unit;
    return unit * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : 5);
  }

  /* labels: [{y, ...}] moved apart to at least `gap`, kept within top..bottom; each keeps its own y0 */
  function spread(labels, gap, top, bottom) {
    labels.forEach(function (l) { l.y0 = l.y; });
    labels.sort(function (a, b) { return a.y - b.y; });
    var limit = top;
    labels.forEach(function (l) { l.y = Math.max(l.y, limit); limit = l.y + gap; });
    limit = bottom;
    for (var i = labels.length; i--;) { labels[i].y = Math.min(labels[i].y, limit); limit = labels[i].y - gap; }
    return labels;
  }

  Ibias.svg = { fixed: fixed, escape: escape, path: path, corners: corners, power: power, tick: tick, number: number, minus: minus, niceStep: niceStep, spread: spread };
})(typeof globalThis !== 'undefined' ? globalThis : this);
