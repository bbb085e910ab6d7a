/* The packed numbers of ibias_book.interactive.explorer as curves. Ibias.explorerData(numbers) */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {};
  var MEASURES = ['least', 'error', 'most', 'cosine', 'loss']; // in the order of the packed array

  function floats(text) {
    var raw = atob(text), bytes = new Uint8Array(raw.length);
    for (var i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    return new Float32Array(bytes.buffer);
  }

  /* numbers -> {numbers, set(key), curve(set, recipe), promise(set, recipe)}; a recipe names norm, b, beta, vr */
  function data(numbers) {
    var known = {}, steps = numbers.steps.length;

    function set(key) { return numbers.sets.filter(function (s) { return s.key === key; })[0]; }

    /* one value per recorded step for each of MEASURES; null where there is none */
    function curve(key, r) {
      var s = set(key), m = numbers.momenta.length, out = {};
      var at = ((numbers.norms.indexOf(r.norm) * 2 + (r.vr ? 1 : 0)) * m + numbers.momenta.indexOf(r.beta)) * s.batches.length + s.batches.indexOf(r.b);
      known[key] = known[key] || floats(s.curves);
      MEASURES.forEach(function (name, k) {
        var from = (at * MEASURES.length + k) * steps;
        out[name] = Array.from(known[key].subarray(from, from + steps), function (v) { return Number.isFinite(v) ? v : null; });
      });
      return out;
    }

    /* what the theorems leave of the margin: {error (the largest in the limit, null: nothing is promised), cost, margin,
     * batches (in an epoch), momentum (the least that would earn a promise)} */
    function promise(key, r) {
      var s = set(key), b = s.batches.indexOf(r.b), best = s.best[numbers.norms.indexOf(r.norm)];
      var cost = r.vr ? 0 : s.cost[numbers.momenta.indexOf(r.beta)][b];
      return {
        error: cost < best.lower ? cost / best.lower : null, cost: cost, margin: best.lower, batches: s.n / r.b, momentum: best.momentum[b],
        width: (best.upper - best.lower) / best.upper, unique: best.unique
      };
    }

    return { numbers: numbers, set: set, curve: curve, promise: promise };
  }

  Ibias.explorerData = data;
})(typeof globalThis !== 'undefined' ? globalThis : this);
