/* Steepest descent in the plane, step for step what ibias does with two classes and two features. Ibias.engine
 *
 * The signal at u is minus the gradient of the mean of log(1 + exp(-<u, z_i>)), sum_i s(-<u, z_i>) z_i / b with s the logistic
 * function. Weights are kept as logarithms with one common scale per step, so that margins beyond 745 do not vanish;
 * momentum carries its own scale. Sources: statements A (algorithms and their subtle points 2 to 5). */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, geometry = Ibias.geometry;
  var SMALL = 1e-100; // below this the momentum buffer is rescaled, far from the smallest double

  /* log s(-q) = -log(1 + exp(q)), with neither cancellation nor overflow */
  function logWeight(q) { return -(Math.max(q, 0) + Math.log1p(Math.exp(-Math.abs(q)))); }

  function divisors(n) {
    return Array.from({ length: n }, function (_, i) { return i + 1; }).filter(function (b) { return n % b === 0; });
  }

  /* o: {z, norm, batch, momentum, reduced, eta0, a, orders: epoch -> order, start: u}
   * batch = n uses every sample and asks for no order. Throws a RangeError where batch does not divide n. */
  function create(o) {
    var n = o.z.length;
    if (n % o.batch) throw new RangeError('batch size ' + o.batch + ' does not divide n = ' + n + '; choose one of ' + divisors(n).join(', '));
    return {
      z: o.z, n: n, norm: o.norm, batch: o.batch, momentum: o.momentum || 0, reduced: !!o.reduced, eta0: o.eta0, a: o.a, orders: o.orders,
      t: 0, u: o.start ? o.start.slice() : [0, 0], order: null, snapshot: null, average: [0, 0], scale: -Infinity
    };
  }

  function weights(run) {
    return run.z.map(function (z) { return logWeight(geometry.dot(run.u, z)); });
  }

  /* minus the stochastic gradient, as {v, log}: the vector is exp(log) * v */
  function signal(run) {
    var perEpoch = run.n / run.batch, place = run.t % perEpoch;
    if (place === 0) {
      run.order = run.batch === run.n ? run.z.map(function (_, i) { return i; }) : run.orders(run.t / perEpoch);
      if (run.reduced) run.snapshot = weights(run);
    }
    var rows = run.order.slice(place * run.batch, (place + 1) * run.batch);
    var here = rows.map(function (i) { return logWeight(geometry.dot(run.u, run.z[i])); });
    var top = Math.max.apply(null, run.reduced ? here.concat(run.snapshot) : here), v = [0, 0];
    function add(i, c) { v[0] += c * run.z[i][0]; v[1] += c * run.z[i][1]; }
    rows.forEach(function (i, j) {
      // the difference first: it is exactly zero at an epoch start, where the signal is the full gradient
      add(i, (Math.exp(here[j] - top) - (run.reduced ? Math.exp(run.snapshot[i] - top) : 0)) / run.batch);
    });
    if (run.reduced) run.snapshot.forEach(function (w, i) { add(i, Math.exp(w - top) / run.n); });
    return { v: v, log: top };
  }

  /* average = momentum * average + (1 - momentum) * g, both on the larger of the two scales */
  function averaged(run, g) {
    var top = Math.max(run.scale, g.log), old = run.momentum * Math.exp(run.scale - top), fresh = (1 - run.momentum) * Math.exp(g.log - top);
    run.average = [old * run.average[0] + fresh * g.v[0], old * run.average[1] + fresh * g.v[1]];
    run.scale = top;
    var size = Math.max(Math.abs(run.average[0]), Math.abs(run.average[1]));
    if (size > 0 && size < SMALL) {
      run.average = [run.average[0] / size, run.average[1] / size];
      run.scale += Math.log(size);
    }
    return run.average;
  }

  /* one update; changes and answers the run */
  function step(run) {
    var g = signal(run), v = run.momentum > 0 ? averaged(run, g) : g.v;
    var along = geometry.steepest(v, run.norm), length = run.eta0 * Math.pow(run.t + 1, -run.a) * geometry.BALLS[run.norm].unit;
    run.u = [run.u[0] + length * along[0], run.u[1] + length * along[1]];
    run.t++;
    return run;
  }

  /* where steps of one sample each point on average, as a direction of u */
  function sampleAverage(z, norm) {
    return z.reduce(function (sum, p) {
      var d = geometry.steepest(p, norm);
      return [sum[0] + d[0], sum[1] + d[1]];
    }, [0, 0]);
  }

  Ibias.engine = { create: create, step: step, logWeight: logWeight, divisors: divisors, sampleAverage: sampleAverage };
})(typeof globalThis !== 'undefined' ? globalThis : this);
