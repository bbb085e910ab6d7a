/* Buttons, knobs and boxes of a playground: reading them into its settings and showing them. Ibias.controls */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, settings = Ibias.settings, engine = Ibias.engine;

  /* view: the playground of mount.js; ref: data-ref -> element */
  function controls(view, ref, element) {
    var radios = element.querySelectorAll('input[type=radio]'), lanes = element.querySelectorAll('[data-lane]'), presets = element.querySelectorAll('[data-preset-key]');

    function show() {
      var s = view.settings;
      radios.forEach(function (e) { e.checked = e.value === (/mode$/.test(e.name) ? s.mode : s.norm); });
      lanes.forEach(function (e) { e.checked = s.lanes.indexOf(e.getAttribute('data-lane')) >= 0; });
      presets.forEach(function (e) { e.setAttribute('aria-pressed', String(e.getAttribute('data-preset-key') === view.preset)); });
      ref.normtitle.textContent = s.mode === 'norms' ? 'Norm the sentence follows' : 'Norm';
      ref.lanes.hidden = s.mode === 'norms';
      ref.recipe.hidden = s.mode !== 'norms';
      ref.momentum.checked = s.momentum;
      ref.vr.checked = s.vr;
      var n = s.points.length;
      ref.batch.innerHTML = engine.divisors(n).map(function (b) { return '<option value="' + b + '">' + b + (b === n ? ' (all)' : ' of ' + n) + '</option>'; }).join('');
      ref.batch.value = s.batch;
      ['beta', 'a', 'eta'].forEach(function (k) { ref[k].value = s[k]; ref[k + '-out'].textContent = s[k].toFixed(2); });
      ref.seed.value = s.seed;
      ref.add0.disabled = ref.add1.disabled = n >= settings.MOST_POINTS;
    }

    function choose(change) {
      Object.assign(view.settings, change);
      view.edited();
    }

    function bindSettings() {
      radios.forEach(function (e) {
        e.addEventListener('change', function () { choose(/mode$/.test(e.name) ? { mode: e.value } : { norm: e.value }); view.grow(); });
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
      ['beta', 'a', 'eta'].forEach(function (k) {
        ref[k].addEventListener('input', function () { var change = {}; change[k] = +ref[k].value; choose(change); });
      });
      ref.seed.addEventListener('change', function () { choose({ seed: Math.round(settings.clamp(ref.seed.value, 0, 9999, view.settings.seed)) }); });
    }

    function bindRun() {
      presets.forEach(function (e) { e.addEventListener('click', function () { view.open(e.getAttribute('data-preset-key')); }); });
      ref.play.addEventListener('click', function () { view.play(!view.playing); });
      ref.step.addEventListener('click', function () { view.step(); });
      ref.reset.addEventListener('click', function () { view.reset(); });
      ref.speed.addEventListener('input', function () { view.speed = +ref.speed.value; });
      ref.radius.addEventListener('input', function () { view.setBall(ref.radius.value / 100); });
      ref.grow.addEventListener('click', function () { view.grow(); });
      element.querySelector('form').addEventListener('submit', function (ev) { ev.preventDefault(); });
    }

    bindSettings();
    bindRun();
    return { show: show };
  }

  Ibias.controls = controls;
})(typeof globalThis !== 'undefined' ? globalThis : this);
