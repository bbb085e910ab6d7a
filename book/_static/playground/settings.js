/* What a playground shows: points, recipe, methods in the race; and the text of a URL. Ibias.settings */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, engine = Ibias.engine, PRESETS = Ibias.presets.PRESETS, CLOUD = Ibias.presets.CLOUD;
  var REACH = 4.5;      // points live in [-4.5, 4.5]^2
  var MOST_POINTS = 60; // of a file; more would hide each other
  var LANES = ['full', 'mini', 'momentum', 'vr', 'both'];
  var BASE = { mode: 'recipes', norm: 'max', b: 1, beta: 0.9, momentum: 0, vr: 0, lanes: 'full,mini,momentum,vr', a: 0.5, eta: 0.3, seed: 1 };

  function clamp(value, lo, hi, otherwise) {
    var v = value === '' || value === undefined ? NaN : Number(value);
    return Number.isFinite(v) ? Math.max(lo, Math.min(hi, v)) : otherwise;
  }
  function round2(v) { return Math.round(v * 100) / 100; }

  function parsePoints(text) {
    return String(text || '').split(';').map(function (part) {
      var v = part.split(',');
      return { x: clamp(v[0], -REACH, REACH, NaN), y: clamp(v[1], -REACH, REACH, NaN), label: v[2] === '' ? NaN : Number(v[2]) };
    }).filter(function (p) { return p.x === p.x && p.y === p.y && (p.label === 0 || p.label === 1 || p.label === 2); }).slice(0, MOST_POINTS);
  }

  function pointsText(points) {
    return points.map(function (p) { return round2(p.x) + ',' + round2(p.y) + ',' + p.label; }).join(';');
  }

  /* the nearest batch size below `b` that divides n */
  function fitBatch(b, n) {
    return engine.divisors(n).filter(function (d) { return d <= b; }).pop() || 1;
  }

  /* the norm that is there with this many classes: the sum norm makes room for the spectral one and back */
  function fitNorm(norm, points) {
    var there = Ibias.race.NORMS[Ibias.race.classes(points)];
    return there.indexOf(norm) >= 0 ? norm : norm === 'sum' || norm === 'spectral' ? there[2] : 'max';
  }

  /* any object of texts -> valid settings; what makes no sense falls back to the default */
  function settings(raw) {
    var o = Object.assign({ points: CLOUD }, BASE, raw), points = parsePoints(o.points);
    if (!points.length) points = parsePoints(CLOUD);
    var lanes = LANES.filter(function (id) { return String(o.lanes).split(',').indexOf(id) >= 0; });
    return {
      points: points, mode: o.mode === 'norms' ? 'norms' : 'recipes', norm: fitNorm(o.norm, points),
      batch: fitBatch(clamp(o.b, 1, MOST_POINTS, 1), points.length),
      beta: clamp(o.beta, 0, 0.99, 0.9), momentum: +o.momentum === 1, vr: +o.vr === 1,
      a: clamp(o.a, 0.05, 1, 0.5), eta: clamp(o.eta, 0.05, 1, 0.3), seed: Math.round(clamp(o.seed, 0, 9999, 1)),
      lanes: lanes.length ? lanes : ['full', 'mini']
    };
  }

  function fromPreset(name) { return settings(PRESETS[name]); }

  /* settings -> 'mode=...&norm=...'; t is the step to open at, preset the story that is told, if one is */
  function toHash(s, t, preset) {
    var parts = preset ? { preset: preset } : {};
    Object.assign(parts, {
      mode: s.mode, norm: s.norm, b: s.batch, beta: s.beta, momentum: +s.momentum, vr: +s.vr, a: s.a, eta: s.eta, seed: s.seed,
      lanes: s.lanes.join(','), points: pointsText(s.points)
    });
    if (t) parts.t = t;
    return Object.keys(parts).map(function (k) { return k + '=' + parts[k]; }).join('&');
  }

  /* '#preset-stuck' (a name that links of the book use), '#preset=stuck&t=500' or a full text -> {preset, settings, t}, null where the hash is not ours */
  function fromHash(hash) {
    var o = {}, named = /^#?preset-(\w+)$/.exec(hash);
    if (named) o = { preset: named[1] };
    String(hash).replace(/^#/, '').split('&').forEach(function (pair) {
      var cut = pair.indexOf('=');
      if (cut < 0) return;
      try { o[pair.slice(0, cut)] = decodeURIComponent(pair.slice(cut + 1)); } catch (e) { /* a broken escape is no setting */ }
    });
    var t = Math.round(clamp(o.t, 0, 1e5, 0));
    if (Object.prototype.hasOwnProperty.call(PRESETS, o.preset)) {
      var chosen = settings(Object.assign({}, PRESETS[o.preset], o)), told = toHash(chosen) === toHash(fromPreset(o.preset));
      return { preset: told ? o.preset : '', settings: chosen, t: t }; // the story's question is about its own settings only
    }
    return o.points ? { preset: '', settings: settings(o), t: t } : null;
  }

  Ibias.settings = {
    REACH: REACH, MOST_POINTS: MOST_POINTS, LANES: LANES, clamp: clamp, round2: round2, fitBatch: fitBatch, fitNorm: fitNorm,
    fromPreset: fromPreset, toHash: toHash, fromHash: fromHash, pointsText: pointsText, settings: settings
  };
})(typeof globalThis !== 'undefined' ? globalThis : this);
