/* What a playground shows: points, recipe, methods in the race. Presets, and the text of a URL. Ibias.settings */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, geometry = Ibias.geometry, engine = Ibias.engine;
  var REACH = 4.5;      // points live in [-4.5, 4.5]^2
  var MOST_POINTS = 16; // more would hide each other on a phone
  var LINKED_STEPS = 2000; // how far the race has come where a link of the book opens a preset
  var LANES = ['full', 'mini', 'momentum', 'vr', 'both'];
  var CLOUD = '1.6,0.7,0;-1.5,-2.3,1;2.4,0.4,0;-3,-0.2,1;2.6,0.1,0;-3.9,1.55,1;3.6,-1.25,0;-4.3,1.1,1';
  var BASE = { mode: 'recipes', norm: 'max', b: 1, beta: 0.9, momentum: 0, vr: 0, lanes: 'full,mini,momentum,vr', a: 0.5, eta: 0.3, seed: 1 };

  /* title: the button; question: what the caption says before the first step */
  var PRESETS = {
    norms: {
      title: 'Three norms, three answers', points: CLOUD, mode: 'norms', b: 8,
      question: 'Same data, three norms, three touching points. Which line does each optimizer choose? Press Play.'
    },
    recipes: {
      title: 'Four recipes, one norm', points: CLOUD, b: 2,
      question: 'One norm, one start, the same shuffles. Who reaches the touching point, and who never does? Press Play.'
    },
    stuck: {
      title: 'SignSGD stuck for ever', points: '2,-1,0;1,-2,1', lanes: 'mini,momentum,vr',
      question: 'One sample per step, and the two samples ask for exactly opposite signs. Who gets away from the line through (1, −1)? Press Play.'
    },
    average: {
      title: 'Counting heads', points: '2.5,0,0;3.1,0,0;3.7,0,0;0,-1,1', norm: 'frobenius', lanes: 'full,mini,vr',
      question: 'Three long samples on one axis, a single short one on the other. Who counts samples, and who minds the hardest one? Press Play.'
    }
  };

  function clamp(value, lo, hi, otherwise) {
    var v = value === '' || value === undefined ? NaN : Number(value);
    return Number.isFinite(v) ? Math.max(lo, Math.min(hi, v)) : otherwise;
  }
  function round2(v) { return Math.round(v * 100) / 100; }

  function parsePoints(text) {
    return String(text || '').split(';').map(function (part) {
      var v = part.split(',');
      return { x: clamp(v[0], -REACH, REACH, NaN), y: clamp(v[1], -REACH, REACH, NaN), label: Number(v[2]) };
    }).filter(function (p) { return p.x === p.x && p.y === p.y && (p.label === 0 || p.label === 1); }).slice(0, MOST_POINTS);
  }

  function pointsText(points) {
    return points.map(function (p) { return round2(p.x) + ',' + round2(p.y) + ',' + p.label; }).join(';');
  }

  /* the nearest batch size below `b` that divides n */
  function fitBatch(b, n) {
    return engine.divisors(n).filter(function (d) { return d <= b; }).pop() || 1;
  }

  /* any object of texts -> valid settings; what makes no sense falls back to the default */
  function settings(raw) {
    var o = Object.assign({ points: CLOUD }, BASE, raw), points = parsePoints(o.points);
    if (!points.length) points = parsePoints(CLOUD);
    var lanes = LANES.filter(function (id) { return String(o.lanes).split(',').indexOf(id) >= 0; });
    return {
      points: points, mode: o.mode === 'norms' ? 'norms' : 'recipes',
      norm: geometry.NORMS.indexOf(o.norm) < 0 ? 'max' : o.norm,
      batch: fitBatch(clamp(o.b, 1, MOST_POINTS, 1), points.length),
      beta: clamp(o.beta, 0, 0.99, 0.9), momentum: +o.momentum === 1, vr: +o.vr === 1,
      a: clamp(o.a, 0.05, 1, 0.5), eta: clamp(o.eta, 0.05, 1, 0.3), seed: Math.round(clamp(o.seed, 0, 9999, 1)),
      lanes: lanes.length ? lanes : ['full', 'mini']
    };
  }

  function fromPreset(name) { return settings(PRESETS[name]); }

  /* settings -> 'mode=...&norm=...'; t is the step to open at */
  function toHash(s, t) {
    var parts = {
      mode: s.mode, norm: s.norm, b: s.batch, beta: s.beta, momentum: +s.momentum, vr: +s.vr, a: s.a, eta: s.eta, seed: s.seed,
      lanes: s.lanes.join(','), points: pointsText(s.points)
    };
    if (t) parts.t = t;
    return Object.keys(parts).map(function (k) { return k + '=' + parts[k]; }).join('&');
  }

  /* '#preset-stuck' (a name that links of the book use), '#preset=stuck&t=500' or a full text -> {preset, settings, t}, null where the hash is not ours */
  function fromHash(hash) {
    var o = {}, named = /^#?preset-(\w+)$/.exec(hash);
    if (named) o = { preset: named[1], t: LINKED_STEPS };
    String(hash).replace(/^#/, '').split('&').forEach(function (pair) {
      var cut = pair.indexOf('=');
      if (cut < 0) return;
      try { o[pair.slice(0, cut)] = decodeURIComponent(pair.slice(cut + 1)); } catch (e) { /* a broken escape is no setting */ }
    });
    var t = Math.round(clamp(o.t, 0, 1e5, 0));
    if (Object.prototype.hasOwnProperty.call(PRESETS, o.preset)) return { preset: o.preset, settings: settings(Object.assign({}, PRESETS[o.preset], o)), t: t };
    return o.points ? { preset: '', settings: settings(o), t: t } : null;
  }

  Ibias.settings = {
    REACH: REACH, MOST_POINTS: MOST_POINTS, LANES: LANES, PRESETS: PRESETS, clamp: clamp, round2: round2, fitBatch: fitBatch,
    fromPreset: fromPreset, toHash: toHash, fromHash: fromHash
  };
})(typeof globalThis !== 'undefined' ? globalThis : this);
