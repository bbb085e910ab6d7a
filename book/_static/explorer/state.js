/* What the explorer shows: a data set, two recipes, and what is drawn beside the first. Ibias.explorerState */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {};
  var FAMILY = { max: ['SignSGD', 'Signum'], frobenius: ['N-SGD', 'N-MSGD'], spectral: ['Spectral-SGD', 'Muon'] };
  var PARTS = ['norm', 'b', 'beta', 'vr'];
  var VARY = { none: 'nothing else', b: 'every batch size of A', beta: 'every momentum of A', vr: 'A with and without VR', norm: 'every norm of A' };

  /* views that links of the book name: '#view-momentum' */
  var VIEWS = {
    batches: { set: 'mixture', vary: 'b', recipes: [{ norm: 'frobenius', b: 10, beta: 0, vr: false }, { norm: 'frobenius', b: 100, beta: 0, vr: false }] },
    momentum: { set: 'mixture', vary: 'beta', recipes: [{ norm: 'frobenius', b: 10, beta: 0.99, vr: false }, { norm: 'frobenius', b: 100, beta: 0, vr: false }] },
    variance: { set: 'mixture', vary: 'none', recipes: [{ norm: 'frobenius', b: 1, beta: 0, vr: true }, { norm: 'frobenius', b: 1, beta: 0, vr: false }] },
    muon: { set: 'mixture', vary: 'none', recipes: [{ norm: 'spectral', b: 10, beta: 0.99, vr: false }, { norm: 'frobenius', b: 10, beta: 0.99, vr: false }] }
  };

  /* the values each part of a recipe can take on a data set */
  function choices(data, key) {
    return { norm: data.numbers.norms, b: data.set(key).batches, beta: data.numbers.momenta, vr: [false, true] };
  }

  function settleRecipe(all, raw, otherwise) {
    var out = {};
    PARTS.forEach(function (part) {
      var wanted = raw ? raw[part] : undefined;
      out[part] = all[part].indexOf(wanted) >= 0 ? wanted : all[part].indexOf(otherwise[part]) >= 0 ? otherwise[part] : all[part][0];
    });
    return out;
  }

  /* any object -> a state that exists; what makes no sense falls back to the first view */
  function settle(data, raw) {
    var key = data.set(raw.set) ? raw.set : data.numbers.sets[0].key, all = choices(data, key), last = data.numbers.steps.length - 1;
    var first = VIEWS.batches.recipes, recipes = raw.recipes || first;
    return {
      set: key, vary: VARY[raw.vary] && Object.prototype.hasOwnProperty.call(VARY, raw.vary) ? raw.vary : 'none',
      recipes: [settleRecipe(all, recipes[0], first[0]), settleRecipe(all, recipes[1], first[1])],
      at: Number.isInteger(raw.at) && raw.at >= 0 && raw.at <= last ? raw.at : last
    };
  }

  function recipeText(r) { return [r.norm, r.b, r.beta, +r.vr].join(','); }

  function toHash(s) {
    return ['set=' + s.set, 'A=' + recipeText(s.recipes[0]), 'B=' + recipeText(s.recipes[1]), 'vary=' + s.vary, 'at=' + s.at].join('&');
  }

  function parseRecipe(text) {
    var v = String(text || '').split(',');
    return { norm: v[0], b: Number(v[1]), beta: v[2] === '' ? NaN : Number(v[2]), vr: v[3] === '1' };
  }

  /* '#view-momentum' or the text of toHash -> a state; null where the hash is not ours */
  function fromHash(data, hash) {
    var o = {}, named = /^#?view-(\w+)$/.exec(hash);
    if (named) return Object.prototype.hasOwnProperty.call(VIEWS, named[1]) ? settle(data, VIEWS[named[1]]) : null;
    String(hash).replace(/^#/, '').split('&').forEach(function (pair) {
      var cut = pair.indexOf('=');
      if (cut > 0) o[pair.slice(0, cut)] = pair.slice(cut + 1);
    });
    if (!o.set) return null;
    return settle(data, { set: o.set, vary: o.vary, at: o.at ? Number(o.at) : undefined, recipes: [parseRecipe(o.A), parseRecipe(o.B)] });
  }

  /* the recipe in words: "VR-Signum, b = 10, β = 0.99" */
  function title(data, key, r) {
    var full = r.b === data.set(key).n, name = FAMILY[r.norm][r.beta > 0 ? 1 : 0];
    return (r.vr && !full ? 'VR-' : '') + name + (full ? ', full batch' : ', b = ' + r.b) + (r.beta > 0 ? ', β = ' + r.beta : '');
  }

  function label(data, key, r, vary) {
    if (vary === 'b') return r.b === data.set(key).n ? 'full batch' : 'b = ' + r.b;
    if (vary === 'beta') return r.beta > 0 ? 'β = ' + r.beta : 'no momentum';
    return vary === 'vr' ? (r.vr ? 'with VR' : 'without VR') : r.norm;
  }

  /* the recipes that differ from the first in the compared part, each with the label of its curve */
  function family(data, s) {
    if (s.vary === 'none') return [];
    var first = s.recipes[0];
    return choices(data, s.set)[s.vary].filter(function (v) { return v !== first[s.vary]; }).map(function (value) {
      var change = {};
      change[s.vary] = value;
      var r = Object.assign({}, first, change);
      return { recipe: r, label: label(data, s.set, r, s.vary) };
    });
  }

  Ibias.explorerState = { PARTS: PARTS, VARY: VARY, choices: choices, settle: settle, toHash: toHash, fromHash: fromHash, title: title, family: family };
})(typeof globalThis !== 'undefined' ? globalThis : this);
