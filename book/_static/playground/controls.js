/* Buttons, knobs and boxes of a playground: reading them into its settings and showing them. Ibias.controls */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, settings = Ibias.settings, engine = Ibias.engine;
  var NORMS = {
    max: 'max (SignSGD)', frobenius: 'Frobenius (N-SGD)', sum: 'sum (coordinate)', spectral: 'spectral (Muon)'
  };
  var TWO = { frobenius: 'Frobenius (N-SGD, Muon)' }; // with two classes its steps are those of the spectral norm

  function options(all, text) { return all.map(function (v) { return '<option value="' + v + '">' + text(v) + '</option>'; }).join(''); }

  /* view: the playground of mount.js; ref: data-ref -> element */
  function controls(view, ref, element) {
    var lanes = element.querySelectorAll('[data-lane]'), presets = element.querySelectorAll('[data-preset-key]'), full = !!ref.mode;

    function showSettings(s) {
      var n = s.points.length, k = Ibias.race.classes(s.points);
      ref.mode.value = s.mode;
      ref.norm.innerHTML = options(Ibias.race.NORMS[k], function (v) { return (k === 2 && TWO[v]) || NORMS[v]; });
      ref.norm.value = s.norm;
      lanes.forEach(function (e) { e.checked = s.lanes.indexOf(e.getAttribute('data-lane')) >= 0; });
      ref.normtitle.textContent = s.mode === 'norms' ? 'Follow' : 'Norm';
      ref.lanes.hidden = s.mode === 'norms';
      ref.recipe.hidden = s.mode !== 'norms';
      ref.momentum.checked = s.momentum;
      ref.vr.checked = s.vr;
      ref.batch.innerHTML = options(engine.divisors(n), function (b) { return b + (b === n ? ' (all)' : ' of ' + n); });
      ref.batch.value = s.batch;
      ['beta', 'a', 'eta'].forEach(function (key) { ref[key].value = s[key]; ref[key + '-out'].textContent = s[key].toFixed(2); });
      ref.seed.value = s.seed;
    }

    function show() {
      presets.forEach(function (e) { e.setAttribute('aria-pressed', String(e.getAttribute('data-preset-key') === view.preset)); });
      if (full) showSettings(view.settings);
      [0, 1, 2].forEach(function (label) { ref['add' + label].disabled = view.settings.points.length >= settings.MOST_POINTS; });
    }

    function choose(change) {
      Object.assign(view.settings, change);
      view.edited();
    }

    function bindSettings() {
      ['mode', 'norm'].forEach(function (key) {
        ref[key].addEventListener('change', function () { var change = {}; change[key] = ref[key].value; choose(change); view.grow(); });
      });
      lanes.forEach(function (e) {
        e.addEventListener('change', function () {
          var on = settings.LANES.filter(function (id) { return element.querySelector('[data-lane=' + id + ']').checked; });
          choose({ lanes: on.length ? on : [e.getAttribute('data-lane')] }); // a race needs a runner
        });
      });
      ref.momentum.addEventListener('change', function () { choose({ momentum: ref.momentum.checked }); });
      ref.vr.addEventListener('change', function () { choose({ vr: ref.vr.checked }); });
      ref.batch.addEventListener('change', function () { choose({ batch: +ref.batch.value }); });
      ['beta', 'a', 'eta'].forEach(function (key) {
        ref[key].addEventListener('input', function () { var change = {}; change[key] = +ref[key].value; choose(change); });
      });
      ref.seed.addEventListener('change', function () { choose({ seed: Math.round(settings.clamp(ref.seed.value, 0, 9999, view.settings.seed)) }); });
      element.querySelector('form').addEventListener('submit', function (ev) { ev.preventDefault(); });
    }

    function bindRun() {
      presets.forEach(function (e) { e.addEventListener('click', function () { view.open(e.getAttribute('data-preset-key')); }); });
      ref.play.addEventListener('click', function () { view.play(!view.playing); });
      ref.step.addEventListener('click', function () { view.step(); });
      ref.reset.addEventListener('click', function () { view.reset(); });
      ref.speed.addEventListener('input', function () { view.speed = +ref.speed.value; });
      ref.radius.addEventListener('input', function () { view.setBall(ref.radius.value / 100); });
      ref.grow.addEventListener('click', function () { view.grow(); });
    }

    if (full) bindSettings();
    bindRun();
    return { show: show };
  }

  Ibias.controls = controls;
})(typeof globalThis !== 'undefined' ? globalThis : this);
