/* Three classes in the plane: where one region ends and the next begins. Ibias.regions */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, score = Ibias.engine.score;
  var TIE = 1e-9;

  /* unit vectors d along which two classes tie for the largest score, with their angles: [{a, b, d, angle}] */
  function borders(w) {
    var k = w.length / 2, out = [];
    for (var a = 0; a < k; a++) for (var b = 0; b < a; b++) {
      var x = w[2 * a] - w[2 * b], y = w[2 * a + 1] - w[2 * b + 1], h = Math.hypot(x, y);
      if (!(h > 0)) continue;
      [[-y / h, x / h], [y / h, -x / h]].forEach(function (d) {
        var p = { x: d[0], y: d[1] }, top = score(w, a, p), size = Math.max.apply(null, w.map(Math.abs));
        for (var c = 0; c < k; c++) if (score(w, c, p) > top + TIE * size) return;
        out.push({ a: a, b: b, d: d, angle: Math.atan2(d[1], d[0]) });
      });
    }
    return out;
  }

  /* the largest turn, in degrees, between the borders that two classifiers draw between the same classes */
  function apart(v, w) {
    var most = 0;
    borders(v).forEach(function (one) {
      var same = borders(w).filter(function (other) { return other.a === one.a && other.b === one.b; });
      if (!same.length) return;
      most = Math.max(most, Math.min.apply(null, same.map(function (other) { return Math.acos(Math.max(-1, Math.min(1, one.d[0] * other.d[0] + one.d[1] * other.d[1]))); })));
    });
    return most * 180 / Math.PI;
  }

  Ibias.regions = { borders: borders, apart: apart };
})(typeof globalThis !== 'undefined' ? globalThis : this);
