/* Norms of the weights W, k rows (classes) by two columns (features), as flat arrays. Ibias.matrix
 *
 * What ibias calls value and steepest: the norm, and argmax <G, D> over ||D|| <= 1, with sign(0) = 0 and ties of the sum norm
 * going to the first entry. */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {};
  var CUT = 4e-14; // singular values below this share of the largest count as zero, as in ibias

  function largest(g) { return g.reduce(function (top, v) { return Math.max(top, Math.abs(v)); }, 0); }
  function dot(a, b) { return a.reduce(function (sum, v, i) { return sum + v * b[i]; }, 0); }
  function scaled(g, c) { return g.map(function (v) { return v * c; }); }

  /* {one, two: the singular values, cross: two-by-two minors of rows i, j}; the minors keep a small second value exact */
  function singular(g) {
    var k = g.length / 2, area = 0, cross = [];
    for (var i = 0; i < k; i++) {
      cross.push([]);
      for (var j = 0; j < k; j++) cross[i].push(g[2 * i] * g[2 * j + 1] - g[2 * i + 1] * g[2 * j]);
      for (j = 0; j < i; j++) area += cross[i][j] * cross[i][j];
    }
    area = Math.sqrt(area);
    // s1^2 - s2^2 from the columns, not as a difference of nearly equal numbers
    var a = 0, b = 0, c = 0;
    for (i = 0; i < k; i++) { a += g[2 * i] * g[2 * i]; b += g[2 * i] * g[2 * i + 1]; c += g[2 * i + 1] * g[2 * i + 1]; }
    var one = Math.sqrt((a + c + Math.hypot(a - c, 2 * b)) / 2);
    return { one: one, two: one > 0 ? area / one : 0, cross: cross };
  }

  /* the nearest matrix with orthonormal columns, or the one of rank one: (G + D G S^-1) / (s1 + s2), S = G^T G, D = s1 s2 */
  function polar(g) {
    var s = singular(g), k = g.length / 2, out = g.slice(), area = s.one * s.two;
    if (s.two <= CUT * s.one) return scaled(g, 1 / s.one);
    for (var i = 0; i < k; i++) {
      for (var j = 0; j < k; j++) {
        out[2 * i] += s.cross[i][j] * g[2 * j + 1] / area;
        out[2 * i + 1] -= s.cross[i][j] * g[2 * j] / area;
      }
    }
    return scaled(out, 1 / (s.one + s.two));
  }

  var VALUES = {
    max: largest,
    frobenius: function (w) { return Math.hypot.apply(null, w); },
    sum: function (w) { return w.reduce(function (sum, v) { return sum + Math.abs(v); }, 0); },
    spectral: function (w) { var top = largest(w); return top > 0 ? top * singular(scaled(w, 1 / top)).one : 0; }
  };

  function steepest(g, norm) {
    var top = largest(g), unit = top > 0 ? scaled(g, 1 / top) : g; // scaled first: squares neither vanish nor overflow
    if (top === 0) return g.map(function () { return 0; });
    if (norm === 'max') return g.map(Math.sign);
    if (norm === 'spectral') return polar(unit);
    if (norm === 'frobenius') return scaled(unit, 1 / VALUES.frobenius(unit));
    var first = g.findIndex(function (v) { return Math.abs(v) === top; });
    return g.map(function (v, i) { return i === first ? Math.sign(v) : 0; });
  }

  Ibias.matrix = { value: function (w, norm) { return VALUES[norm](w); }, steepest: steepest, dot: dot, scaled: scaled };
})(typeof globalThis !== 'undefined' ? globalThis : this);
