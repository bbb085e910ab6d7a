/* The packed numbers of ibias_book.interactive.explorer as curves. Ibias.explorerData(numbers) */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {};
  var MISSING = 65535;
  var SPREAD = 3; // least, median, largest over the seeds

  function words(text) {
    var raw = atob(text), out = new Uint16Array(raw.length / 2);
    for (var i = 0; i < out.length; i++) out[i] = raw.charCodeAt(2 * i) | raw.charCodeAt(2 * i + 1) << 8;
    return out;
  }

  function value(word, scale) { return word === MISSING ? null : scale[0] + word / (MISSING - 1) * (scale[1] - scale[0]); }

  /* numbers -> {numbers, set(key), curve(state), promise(state), best(state)}; a state names set, norm, b, beta, vr, a */
  function data(numbers) {
    var known = {}, steps = numbers.steps.length;

    function set(key) { return numbers.sets.filter(function (s) { return s.key === key; })[0]; }

    function index(state) {
      var s = set(state.set), m = numbers.momenta.length;
      return ((numbers.norms.indexOf(state.norm) * 2 + (state.vr ? 1 : 0)) * m + numbers.momenta.indexOf(state.beta)) * s.batches.length + s.batches.indexOf(state.b);
    }

    function arrays(state) {
      var name = state.set + ' ' + state.a;
      if (!known[name]) {
        var packed = set(state.set).curves[state.a];
        known[name] = { error: words(packed.error), cosine: words(packed.cosine), loss: words(packed.loss) };
      }
      return known[name];
    }

    function part(all, scale, from) {
      return Array.from({ length: steps }, function (_, i) { return value(all[from + i], scale); });
    }

    /* {least, error, most (relative errors), cosine, loss (log10)}: one value per recorded step */
    function curve(state) {
      var all = arrays(state), i = index(state), scales = numbers.scales;
      var errors = [0, 1, 2].map(function (k) {
        return part(all.error, scales.error, (i * SPREAD + k) * steps).map(function (e) { return e === null ? null : Math.pow(10, e); });
      });
      return { least: errors[0], error: errors[1], most: errors[2], cosine: part(all.cosine, scales.cosine, i * steps), loss: part(all.loss, scales.loss, i * steps) };
    }

    return {
      numbers: numbers, set: set, curve: curve,
      promise: function (state) { return set(state.set).promise[index(state)]; },
      best: function (state) { return set(state.set).best[numbers.norms.indexOf(state.norm)]; }
    };
  }

  Ibias.explorerData = data;
})(typeof globalThis !== 'undefined' ? globalThis : this);
