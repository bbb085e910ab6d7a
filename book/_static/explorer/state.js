/* What the explorer shows: one recipe on one data set, and the axis along which it is compared. Ibias.explorerState */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {};
  var FAMILY = { max: ['SignSGD', 'Signum'], frobenius: ['N-SGD', 'N-MSGD'], spectral: ['Spectral-SGD', 'Muon'] };
  var VARY = { b: 'batch size', beta: 'momentum', vr: 'variance reduction', norm: 'norm', a: 'step-size exponent' };

  /* views that links of the book name: '#view-momentum' */
  var VIEWS = {
    batches: { set: 'mixture', norm: 'max', b: 10, vary: 'b' },
    momentum: { set: 'mixture', norm: 'max', b: 10, beta: 0.9, vary: 'beta' },
    variance: { set: 'mixture', norm: 'frobenius', b: 1, vr: true, vary: 'vr' },
    digits: { set: 'digits', norm: 'max', b: 7, beta: 0.99, vary: 'beta' }
  };

  /* the values each choice can take on the data set of `state` */
  function choices(data, state) {
    var n = data.numbers;
    return {
      set: n.sets.map(function (s) { return s.key; }), norm: n.norms, b: data.set(state.set).batches, beta: n.momenta, vr: [false, true],
      a: n.exponents, vary: Object.keys(VARY), at: n.steps.map(function (_, i) { return i; })
    };
  }

  /* any object -> a state that exists; what makes no sense falls back to the first view */
  function settle(data, raw) {
    var first = { set: data.numbers.sets[0].key, norm: data.numbers.norms[0], beta: 0, vr: false, a: 0.5, vary: 'b', at: data.numbers.steps.length - 1 };
    var s = Object.assign({}, first, raw), known = data.set(s.set) ? s : Object.assign(s, { set: first.set }), all = choices(data, known);
    Object.keys(first).forEach(function (key) { if (all[key].indexOf(s[key]) < 0) s[key] = all[key].indexOf(first[key]) < 0 ? all[key][0] : first[key]; });
    if (all.b.indexOf(s.b) < 0) s.b = nearest(all.b, s.b);
    return s;
  }

  /* a batch size of this data set for one of another; the second smallest where there is none to go by */
  function nearest(batches, b) {
    if (!(b > 0)) return batches[1];
    return batches.reduce(function (best, c) { return Math.abs(Math.log(c / b)) < Math.abs(Math.log(best / b)) ? c : best; });
  }

  function toHash(s) {
    return ['set', 'norm', 'b', 'beta', 'vr', 'a', 'vary', 'at'].map(function (k) { return k + '=' + (k === 'vr' ? +s.vr : s[k]); }).join('&');
  }

  function fromHash(data, hash) {
    var o = {}, named = /^#?view-(\w+)$/.exec(hash);
    if (named && Object.prototype.hasOwnProperty.call(VIEWS, named[1])) return settle(data, VIEWS[named[1]]);
    String(hash).replace(/^#/, '').split('&').forEach(function (pair) {
      var cut = pair.indexOf('='), key = pair.slice(0, cut), text = pair.slice(cut + 1);
      if (cut < 0) return;
      if (['set', 'norm', 'vary'].indexOf(key) >= 0) o[key] = text;
      else if (['b', 'beta', 'a', 'at'].indexOf(key) >= 0 && text !== '') o[key] = Number(text);
      else if (key === 'vr') o.vr = text === '1';
    });
    return o.set ? settle(data, o) : null;
  }

  function name(data, s) {
    var full = s.b === data.set(s.set).n;
    return (s.vr && !full ? 'VR-' : '') + FAMILY[s.norm][s.beta > 0 ? 1 : 0];
  }

  /* the recipe in words: "VR-Signum, b = 10, β = 0.9" */
  function title(data, s) {
    var full = s.b === data.set(s.set).n;
    return name(data, s) + (full ? ', full batch' : ', b = ' + s.b) + (s.beta > 0 ? ', β = ' + s.beta : '');
  }

  /* the states along the compared axis, each with the label of its curve */
  function family(data, s) {
    return choices(data, s)[s.vary].map(function (value) {
      var change = {};
      change[s.vary] = value;
      var one = Object.assign({}, s, change);
      return { state: one, chosen: value === s[s.vary], label: label(data, one, s.vary) };
    });
  }

  function label(data, s, vary) {
    if (vary === 'b') return s.b === data.set(s.set).n ? 'full batch' : 'b = ' + s.b;
    if (vary === 'beta') return s.beta > 0 ? 'β = ' + s.beta : 'no momentum';
    if (vary === 'vr') return s.vr ? 'with VR' : 'without VR';
    return vary === 'norm' ? s.norm : 'a = ' + s.a;
  }

  Ibias.explorerState = { VARY: VARY, choices: choices, settle: settle, toHash: toHash, fromHash: fromHash, title: title, family: family };
})(typeof globalThis !== 'undefined' ? globalThis : this);
