/* Steepest descent on two features, step for step what ibias does. Ibias.engine
 *
 * W has one row per class, flat in an array. The signal is minus the gradient of the mean cross-entropy: sample (x, y) adds
 * p_c x to row y and takes it from row c, for every wrong class c of probability p_c. Probabilities are kept as logarithms with
 * one common scale per step, so that margins beyond 745 do not vanish; momentum carries its own scale. Sources: statements A. */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, matrix = Ibias.matrix;
  var SMALL = 1e-100; // below this the momentum buffer is rescaled, far from the smallest double

  function divisors(n) {
    return Array.from({ length: n }, function (_, i) { return i + 1; }).filter(function (b) { return n % b === 0; });
  }

  /* o: {points ({x, y, label}), k, norm, batch, momentum, reduced, eta0, a, orders: epoch -> order}
   * batch = n uses every sample and asks for no order. Throws a RangeError where batch does not divide n. */
  function create(o) {
    var n = o.points.length;
    if (n % o.batch) throw new RangeError('batch size ' + o.batch + ' does not divide n = ' + n + '; choose one of ' + divisors(n).join(', '));
    return {
      points: o.points, n: n, k: o.k, norm: o.norm, batch: o.batch, momentum: o.momentum || 0, reduced: !!o.reduced, eta0: o.eta0, a: o.a, orders: o.orders,
      t: 0, w: zeros(o.k), last: zeros(o.k), rows: [], order: null, here: new Float64Array(o.k * n), snapshot: null, highest: 0, average: zeros(o.k), scale: -Infinity
    };
  }

  function zeros(k) { return new Array(2 * k).fill(0); }
  function score(w, c, p) { return w[2 * c] * p.x + w[2 * c + 1] * p.y; }

  /* log probabilities of the wrong classes at sample i, into out[k i ..], -Infinity at its own: this score minus the largest
   * minus log1p of the rest, with neither cancellation nor overflow. Plain loops: this runs for every sample of every step. */
  function wrong(run, i, out) {
    var w = run.w, k = run.k, p = run.points[i], from = k * i, best = 0, rest = 0;
    for (var c = 0; c < k; c++) {
      out[from + c] = score(w, c, p);
      if (out[from + c] > out[from + best]) best = c;
    }
    var top = out[from + best];
    for (c = 0; c < k; c++) if (c !== best) rest += Math.exp(out[from + c] - top);
    var log = Math.log1p(rest);
    for (c = 0; c < k; c++) out[from + c] = c === p.label ? -Infinity : out[from + c] - top - log;
  }

  /* at an epoch's start: its order, and the snapshot of variance reduction */
  function begin(run, epoch) {
    run.order = run.batch === run.n ? run.points.map(function (_, i) { return i; }) : run.orders(epoch);
    if (!run.reduced) return;
    run.snapshot = run.snapshot || new Float64Array(run.n * run.k);
    run.highest = -Infinity;
    for (var i = 0; i < run.n; i++) wrong(run, i, run.snapshot);
    for (i = 0; i < run.snapshot.length; i++) run.highest = Math.max(run.highest, run.snapshot[i]);
  }

  /* share of sample i's pull from class c to its own */
  function add(run, v, i, c, share) {
    var p = run.points[i], own = 2 * p.label, other = 2 * c;
    v[own] += share * p.x; v[own + 1] += share * p.y; v[other] -= share * p.x; v[other + 1] -= share * p.y;
  }

  /* minus the stochastic gradient, as {v, log}: the matrix is exp(log) * v */
  function signal(run) {
    var perEpoch = run.n / run.batch, place = run.t % perEpoch, k = run.k, here = run.here, then = run.snapshot, v = zeros(k), i, c;
    if (place === 0) { begin(run, run.t / perEpoch); then = run.snapshot; }
    var rows = run.rows = run.order.slice(place * run.batch, (place + 1) * run.batch), top = run.reduced ? run.highest : -Infinity;
    for (var j = 0; j < rows.length; j++) {
      wrong(run, rows[j], here);
      for (c = 0; c < k; c++) top = Math.max(top, here[k * rows[j] + c]);
    }
    for (j = 0; j < rows.length; j++) {
      for (i = rows[j], c = 0; c < k; c++) {
        // the difference first: it is exactly zero at an epoch start, where the signal is the full gradient
        if (c !== run.points[i].label) add(run, v, i, c, (Math.exp(here[k * i + c] - top) - (run.reduced ? Math.exp(then[k * i + c] - top) : 0)) / run.batch);
      }
    }
    if (run.reduced) for (i = 0; i < run.n; i++) for (c = 0; c < k; c++) if (c !== run.points[i].label) add(run, v, i, c, Math.exp(then[k * i + c] - top) / run.n);
    return { v: v, log: top };
  }

  /* average = momentum * average + (1 - momentum) * g, both on the larger of the two scales */
  function averaged(run, g) {
    var top = Math.max(run.scale, g.log), old = run.momentum * Math.exp(run.scale - top), fresh = (1 - run.momentum) * Math.exp(g.log - top), size = 0;
    run.average = run.average.map(function (v, i) { v = old * v + fresh * g.v[i]; size = Math.max(size, Math.abs(v)); return v; });
    run.scale = top;
    if (size > 0 && size < SMALL) {
      run.average = matrix.scaled(run.average, 1 / size);
      run.scale += Math.log(size);
    }
    return run.average;
  }

  /* one update; changes and answers the run */
  function step(run) {
    var g = signal(run), v = run.momentum > 0 ? averaged(run, g) : g.v;
    run.last = matrix.scaled(matrix.steepest(v, run.norm), run.eta0 * Math.pow(run.t + 1, -run.a));
    run.w = run.w.map(function (x, i) { return x + run.last[i]; });
    run.t++;
    return run;
  }

  /* least margin over samples and wrong classes */
  function minMargin(w, k, points) {
    var least = Infinity;
    for (var i = 0; i < points.length; i++) {
      var p = points[i], own = score(w, p.label, p);
      for (var c = 0; c < k; c++) if (c !== p.label) least = Math.min(least, own - score(w, c, p));
    }
    return least;
  }

  /* the difference of the first two rows: with two classes it is all that classifies */
  function difference(w) { return [w[0] - w[2], w[1] - w[3]]; }

  /* two classes: where steps of one sample each point on average, as a direction of u */
  function sampleAverage(z, norm) {
    return z.reduce(function (sum, p) {
      var d = difference(matrix.steepest([p[0], p[1], -p[0], -p[1]], norm));
      return [sum[0] + d[0], sum[1] + d[1]];
    }, [0, 0]);
  }

  Ibias.engine = { create: create, step: step, divisors: divisors, minMargin: minMargin, difference: difference, score: score, sampleAverage: sampleAverage };
})(typeof globalThis !== 'undefined' ? globalThis : this);
