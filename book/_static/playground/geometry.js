/* The plane: norms, margins, exact maximum margins, half-planes. Ibias.geometry
 *
 * Two classes in the plane. Only the difference u = w_0 - w_1 of the two rows of W matters, so weight space is a plane too.
 * From W = 0 the rows stay opposite (or, for the sum norm, one row alone moves), and the norm of W is a norm of u:
 *     ||W||_max = ||u||_inf / 2     ||W||_F = ||u||_2 / sqrt 2 (also its spectral norm)     ||W||_sum = ||u||_1
 * A sample x of class 0 is the signed point z = x, one of class 1 is z = -x; its margin is <u, z>. */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {};

  /* per norm: the length in the plane of a vector u whose matrix W has norm 1, and the corners of that ball (none: a circle) */
  var BALLS = {
    max: { unit: 2, corners: [[1, 1], [-1, 1], [-1, -1], [1, -1]] },
    frobenius: { unit: Math.SQRT2, corners: null },
    sum: { unit: 1, corners: [[1, 0], [0, 1], [-1, 0], [0, -1]] }
  };
  var NORMS = Object.keys(BALLS);
  var TIE = 1e-12; // margins this close (relative) are one and the same vertex reached twice

  function dot(a, b) { return a[0] * b[0] + a[1] * b[1]; }

  /* the length in the plane: inf-, 2- or 1-norm of u */
  function planar(u, norm) {
    var a = Math.abs(u[0]), b = Math.abs(u[1]);
    return norm === 'sum' ? a + b : norm === 'max' ? Math.max(a, b) : Math.hypot(a, b);
  }

  /* the norm of the matrix W that u stands for */
  function value(u, norm) { return planar(u, norm) / BALLS[norm].unit; }

  function signed(points) {
    return points.map(function (p) { return p.label === 0 ? [p.x, p.y] : [-p.x, -p.y]; });
  }

  function minMargin(u, z) {
    var least = Infinity;
    for (var i = 0; i < z.length; i++) least = Math.min(least, dot(u, z[i]));
    return least;
  }

  /* where margins of two samples cross on the circle, and the samples' own directions */
  function circleCandidates(z) {
    var out = [];
    z.forEach(function (p, i) {
      var r = Math.hypot(p[0], p[1]);
      if (r > 0) out.push([p[0] / r, p[1] / r]);
      for (var j = 0; j < i; j++) {
        var dx = p[0] - z[j][0], dy = p[1] - z[j][1], h = Math.hypot(dx, dy);
        if (h > 0) out.push([-dy / h, dx / h], [dy / h, -dx / h]);
      }
    });
    return out;
  }

  /* corners of the ball, and where margins of two samples cross on its edges */
  function polygonCandidates(z, corners) {
    var out = [];
    corners.forEach(function (p, e) {
      var q = corners[(e + 1) % 4], along = [q[0] - p[0], q[1] - p[1]];
      out.push(p);
      z.forEach(function (a, i) {
        for (var j = 0; j < i; j++) {
          var slope = dot(along, a) - dot(along, z[j]), t = (dot(p, z[j]) - dot(p, a)) / slope;
          if (slope !== 0 && t > 0 && t < 1) out.push([p[0] + t * along[0], p[1] + t * along[1]]);
        }
      });
    });
    return out;
  }

  /* max over ||W|| <= 1 of the least margin, exactly. Answers {separable, margin, touch, lo, hi, unique}:
   * touch = u of norm 1/margin, where the growing ball first meets {margins >= 1}; lo..hi the whole face of such points,
   * touch its midpoint (the shortest vector of a face need not be it). */
  function maxMargin(z, norm) {
    var ball = BALLS[norm];
    var found = (ball.corners ? polygonCandidates(z, ball.corners) : circleCandidates(z))
      .map(function (c) { return { at: c, margin: minMargin(c, z) }; });
    var best = Math.max.apply(null, found.map(function (f) { return f.margin; }));
    if (!(best > 0)) return { separable: false, margin: 0, touch: null, lo: null, hi: null, unique: false };
    var face = found.filter(function (f) { return f.margin >= best - TIE * (1 + best); }).map(function (f) { return [f.at[0] / best, f.at[1] / best]; });
    var ends = widest(face), unique = ends.gap < 1e-9 / best;
    return {
      separable: true, margin: best * ball.unit, unique: unique, lo: ends.lo, hi: unique ? ends.lo : ends.hi,
      touch: unique ? ends.lo : [(ends.lo[0] + ends.hi[0]) / 2, (ends.lo[1] + ends.hi[1]) / 2]
    };
  }

  function widest(points) {
    var best = { lo: points[0], hi: points[0], gap: 0 };
    points.forEach(function (p, i) {
      for (var j = 0; j < i; j++) {
        var gap = Math.hypot(p[0] - points[j][0], p[1] - points[j][1]);
        if (gap > best.gap) best = { lo: points[j], hi: p, gap: gap };
      }
    });
    return best;
  }

  /* the polygon {u in a box of half-width `half`: <u, z_i> >= level for all i} */
  function region(z, level, half) {
    var polygon = [[-half, -half], [half, -half], [half, half], [-half, half]];
    z.forEach(function (a) {
      var kept = [];
      polygon.forEach(function (p, i) {
        var q = polygon[(i + 1) % polygon.length], fp = dot(p, a) - level, fq = dot(q, a) - level;
        if (fp >= 0) kept.push(p);
        if ((fp > 0 && fq < 0) || (fp < 0 && fq > 0)) {
          var t = fp / (fp - fq);
          kept.push([p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])]);
        }
      });
      polygon = kept;
    });
    return polygon;
  }

  function angle(u, v) { return Math.atan2(Math.abs(u[0] * v[1] - u[1] * v[0]), dot(u, v)); }

  Ibias.geometry = {
    BALLS: BALLS, NORMS: NORMS, dot: dot, value: value, signed: signed, minMargin: minMargin, maxMargin: maxMargin, region: region, angle: angle
  };
})(typeof globalThis !== 'undefined' ? globalThis : this);
