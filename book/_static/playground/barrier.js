/* The maximum margin of three classes in the plane, by an interior-point method. Ibias.barrier(points, k, norm)
 *
 * Largest s with <A_i, W> >= s for every sample and wrong class, ||W|| <= 1: Newton's method on -t s - sum log(<A_i, W> - s) - B(W)
 * for growing t, B the barrier of the norm's ball. The gap is at most (constraints + parameter of B) / t. With two classes
 * geometry.js has the answer in closed form. */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, matrix = Ibias.matrix;
  var LAST = 1e11, GROWTH = 12, NEWTON = 40, DONE = 1e-12;

  /* one matrix per sample and wrong class: row y holds x, row c holds -x */
  function constraints(points, k) {
    var out = [];
    points.forEach(function (p) {
      for (var c = 0; c < k; c++) {
        if (c === p.label) continue;
        var a = new Array(2 * k).fill(0);
        a[2 * p.label] = p.x; a[2 * p.label + 1] = p.y; a[2 * c] = -p.x; a[2 * c + 1] = -p.y;
        out.push(a);
      }
    });
    return out;
  }

  /* value, gradient and Hessian of -sum log(1 - w^2) (max norm) or -log(1 - |w|^2) (Frobenius) */
  function entries(w) {
    var value = 0, h = [];
    var g = w.map(function (v, i) { value -= Math.log(1 - v * v); h.push(w.map(function (_, j) { return i === j ? 2 * (1 + v * v) / Math.pow(1 - v * v, 2) : 0; })); return 2 * v / (1 - v * v); });
    return { value: value, g: g, h: h };
  }
  function round(w) {
    var rest = 1 - matrix.dot(w, w);
    return { value: -Math.log(rest), g: matrix.scaled(w, 2 / rest), h: w.map(function (a, i) { return w.map(function (b, j) { return (i === j ? 2 / rest : 0) + 4 * a * b / (rest * rest); }); }) };
  }

  /* -log det(1 - W^T W): gradient 2 W M, Hessian form 2 <K, H M> + 2 <K, W M (H^T W + W^T H) M>, M the inverse */
  function spectral(w) {
    var k = w.length / 2, s = gram(w, w), det = (1 - s[0]) * (1 - s[3]) - s[1] * s[1];
    var m = [(1 - s[3]) / det, s[1] / det, s[1] / det, (1 - s[0]) / det], wm = times(w, m);
    var h = w.map(function (_, i) {
      var unit = new Array(2 * k).fill(0);
      unit[i] = 1;
      var mixed = gram(unit, w), both = [2 * mixed[0], mixed[1] + mixed[2], mixed[1] + mixed[2], 2 * mixed[3]];
      var first = times(unit, m), second = times(times(wm, both), m);
      return first.map(function (v, j) { return 2 * (v + second[j]); });
    });
    return { value: 1 - s[0] > 0 && det > 0 ? -Math.log(det) : NaN, g: matrix.scaled(wm, 2), h: h };
  }
  function gram(a, b) { // a^T b
    var out = [0, 0, 0, 0];
    for (var i = 0; i < a.length; i += 2) { out[0] += a[i] * b[i]; out[1] += a[i] * b[i + 1]; out[2] += a[i + 1] * b[i]; out[3] += a[i + 1] * b[i + 1]; }
    return out;
  }
  function times(a, m) {
    var out = a.slice();
    for (var i = 0; i < a.length; i += 2) { out[i] = a[i] * m[0] + a[i + 1] * m[2]; out[i + 1] = a[i] * m[1] + a[i + 1] * m[3]; }
    return out;
  }
  var BALLS = { max: entries, frobenius: round, spectral: spectral };

  /* z = (W, s) -> {value, g, h} at t, value NaN outside */
  function objective(z, all, ball, t) {
    var n = z.length - 1, w = z.slice(0, n), b = ball(w), value = b.value - t * z[n];
    var g = b.g.concat(-t), h = b.h.map(function (row) { return row.concat(0); }).concat([new Array(n + 1).fill(0)]);
    all.forEach(function (a) {
      var slack = matrix.dot(a, w) - z[n], full = a.concat(-1);
      value -= Math.log(slack);
      for (var i = 0; i <= n; i++) {
        g[i] -= full[i] / slack;
        for (var j = 0; j <= n; j++) h[i][j] += full[i] * full[j] / (slack * slack);
      }
    });
    return { value: value, g: g, h: h };
  }

  /* Gaussian elimination; the Hessian is positive definite */
  function solve(h, g) {
    var n = g.length, a = h.map(function (row, i) { return row.concat(-g[i]); });
    for (var i = 0; i < n; i++) {
      for (var r = i + 1; r < n; r++) {
        var f = a[r][i] / a[i][i];
        for (var c = i; c <= n; c++) a[r][c] -= f * a[i][c];
      }
    }
    var x = new Array(n).fill(0);
    for (i = n; i--;) {
      x[i] = a[i][n];
      for (c = i + 1; c < n; c++) x[i] -= a[i][c] * x[c];
      x[i] /= a[i][i];
    }
    return x;
  }

  function centred(z, all, ball, t) {
    for (var k = 0; k < NEWTON; k++) {
      var at = objective(z, all, ball, t), d = solve(at.h, at.g), slope = matrix.dot(at.g, d), step = 1, next = z;
      if (!(slope < -DONE)) return z;
      for (; step > 1e-10; step /= 2) {
        next = z.map(function (v, i) { return v + step * d[i]; });
        if (objective(next, all, ball, t).value <= at.value + 0.1 * step * slope) break; // false outside, where it is NaN
      }
      if (step <= 1e-10) return z; // rounding: no better point is left
      z = next;
    }
    return z;
  }

  /* {separable, margin, weights (of norm 1 / margin, where the ball first meets {margins >= 1})} */
  function maxMargin(points, k, norm) {
    var all = constraints(points, k), ball = BALLS[norm], z = new Array(2 * k).fill(0).concat(-1);
    for (var t = 1; t <= LAST; t *= GROWTH) z = centred(z, all, ball, t);
    var w = z.slice(0, 2 * k), size = matrix.value(w, norm), least = Math.min.apply(null, all.map(function (a) { return matrix.dot(a, w); }));
    if (!(size > 0 && least / size > 1e-6)) return { separable: false, margin: 0, weights: null };
    return { separable: true, margin: least / size, weights: matrix.scaled(w, 1 / least) };
  }

  Ibias.barrier = maxMargin;
})(typeof globalThis !== 'undefined' ? globalThis : this);
