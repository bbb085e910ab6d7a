/* Ibias.mountPlayground(element, preset): a playground inside an element. Elements with data-ibias="playground" mount themselves;
 * data-preset="stuck" chooses what they open with, data-url keeps their state in the page's address. */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, settings = Ibias.settings, mounted = 0;
  var REPLAY = 3000;                   // after an edit the race is run again up to here at most, to stay fluent
  var PACE = [0.3, 0.6, 1, 2, 5];      // of the five speeds
  var STILL_MS = 600;                  // with reduced motion: time between two pictures
  var GROW_MS = 1400;

  function fit(svg) {
    var w = svg.clientWidth || 340, h = svg.clientHeight || 340;
    svg.setAttribute('viewBox', '0 0 ' + w + ' ' + h);
    return { w: w, h: h };
  }

  function mount(element, preset) {
    var calm = root.matchMedia('(prefers-reduced-motion: reduce)'), inUrl = element.hasAttribute('data-url'), ref = {};
    var race, frame, movable, panel, selected = -1, ball = 1, owed = 0, last = 0, asked = 0, growing = 0, saving = 0, spoken = '', captioned = 0;
    var view = { settings: null, preset: preset, playing: false, speed: 3 };

    /* drawing */
    function drawData() { ref.lines.innerHTML = Ibias.planes.dataLines(frame, race, view.settings); }
    function drawWeights() {
      var box = fit(ref.weights), best = race.best[view.settings.norm];
      ref.weights.innerHTML = Ibias.planes.weights(box.w, box.h, race, view.settings, ball);
      ref.weights.setAttribute('aria-label', best.separable ? 'Weight space. The ball of the ' + view.settings.norm + ' norm touches the region of margins at least 1 at radius ' +
        (1 / best.margin).toFixed(3) + ', at u = (' + best.touch.map(function (v) { return v.toFixed(2); }).join(', ') + ').' : 'Weight space. The points are not separable.');
    }
    function drawRaces() {
      var norms = view.settings.mode === 'norms' ? Ibias.geometry.NORMS : [view.settings.norm];
      if (ref.races.children.length !== norms.length) {
        ref.races.setAttribute('data-count', norms.length);
        ref.races.innerHTML = norms.map(function () { return '<div class="ib-panel"><p class="ib-title"></p><svg role="img"></svg></div>'; }).join('');
      }
      ref.legend.hidden = norms.length === 1;
      if (norms.length > 1) ref.legend.innerHTML = Ibias.raceView.legend(race);
      norms.forEach(function (norm, i) {
        var box = ref.races.children[i], svg = box.lastChild, size = fit(svg);
        box.firstChild.textContent = norms.length > 1 ? 'in the ' + Ibias.planes.SHORT[norm] + ' norm' : 'measured in the ' + Ibias.planes.SHORT[norm] + ' norm';
        svg.innerHTML = Ibias.raceView.panel(size.w, size.h, race, norm, norms.length === 1 || size.w > 420);
        svg.setAttribute('aria-label', 'Relative margin error in the ' + norm + ' norm after ' + race.t + ' steps: ' +
          race.lanes.map(function (l) { return l.name + ' ' + Ibias.raceView.number(l.now ? l.now[norm] : null); }).join('; '));
      });
    }
    function say(aloud) {
      var text = Ibias.caption.text(race, view.settings, view.preset);
      ref.caption.textContent = text;
      ref.caption.style.setProperty('--ib-lead', Ibias.caption.lead(race, view.settings).color);
      if (aloud && text !== spoken) ref.live.textContent = spoken = text;
    }
    function draw(still) {
      drawData();
      drawWeights();
      drawRaces();
      ref.clock.textContent = 'step ' + race.t.toLocaleString('en');
      ref.play.textContent = view.playing ? 'Pause' : 'Play';
      ref.play.disabled = ref.step.disabled = race.t >= Ibias.race.LAST_STEP;
      if (still || performance.now() - captioned > 350) { captioned = performance.now(); say(still); }
      if (still || ref.numbers.open) ref.table.innerHTML = Ibias.raceView.table(race);
    }

    /* address */
    function save() {
      var hash = '#' + settings.toHash(view.settings, view.playing ? 0 : race.t);
      clearTimeout(saving);
      if (inUrl) saving = setTimeout(function () { try { history.replaceState(null, '', hash); } catch (e) { /* a viewer without history */ } }, 250);
    }

    /* time */
    function again(steps) {
      race = Ibias.race.create(view.settings);
      Ibias.race.advance(race, Math.min(steps, REPLAY));
      owed = 0;
    }
    function tick(now) {
      asked = 0;
      if (!view.playing) return;
      var elapsed = Math.min(100, Math.max(0, now - last)), count = 0;
      if (!calm.matches) {
        owed += elapsed / 1000 * (2 + race.t * 0.35) * PACE[view.speed - 1] * 1.5; // a steady pace on the logarithmic axis
        count = Math.min(Math.floor(owed), 4000);
        owed -= count;
        last = now;
      } else if (now - last > STILL_MS) { count = Math.max(1, Math.ceil(race.t * 0.25 * view.speed)); last = now; }
      if (count) {
        Ibias.race.advance(race, count);
        if (race.t >= Ibias.race.LAST_STEP) { view.play(false); return; }
        draw(false);
      }
      asked = requestAnimationFrame(tick);
    }

    Object.assign(view, {
      play: function (on) {
        view.playing = on && race.t < Ibias.race.LAST_STEP;
        last = performance.now();
        if (view.playing && !asked) asked = requestAnimationFrame(tick);
        draw(!view.playing);
        save();
      },
      step: function () { view.playing = false; Ibias.race.advance(race, 1); draw(true); save(); },
      reset: function () { view.playing = false; again(0); draw(true); save(); },
      edited: function () { // run again to the same step, so that an edit is seen at once
        view.preset = '';
        view.settings.batch = settings.fitBatch(view.settings.batch, view.settings.points.length);
        again(race.t);
        panel.show();
        draw(true);
        save();
      },
      open: function (name, t) { view.preset = name; show(settings.fromPreset(name), t || 0); view.grow(); save(); },
      setBall: function (share) { cancelAnimationFrame(growing); ball = share; drawWeights(); },
      grow: function () {
        cancelAnimationFrame(growing);
        var from = performance.now();
        (function next() {
          var u = calm.matches ? 1 : Math.min(1, Math.max(0, (performance.now() - from) / GROW_MS));
          ball = 1 - Math.pow(1 - u, 2);
          ref.radius.value = Math.round(100 * ball);
          drawWeights();
          if (u < 1) growing = requestAnimationFrame(next);
        })();
      }
    });

    function show(chosen, t) {
      view.settings = chosen;
      view.playing = false;
      race = Ibias.race.create(chosen);
      Ibias.race.advance(race, t);
      owed = 0;
      resize();
      panel.show();
      draw(true);
    }
    function resize() {
      var box = fit(ref.data);
      frame = Ibias.planes.dataFrame(box.w, box.h);
      ref.grid.innerHTML = Ibias.planes.dataGrid(frame);
      movable.build();
    }
    function fromAddress() {
      var found = inUrl ? settings.fromHash(location.hash) : null;
      if (!found) return false;
      view.preset = found.preset;
      show(found.settings, found.t);
      save();
      return true;
    }

    /* build */
    element.classList.add('ib-figure', 'ib-playground');
    element.innerHTML = Ibias.layout('ib' + (++mounted) + '-', settings.PRESETS);
    element.querySelectorAll('[data-ref]').forEach(function (e) { ref[e.getAttribute('data-ref')] = e; });
    ref.data.innerHTML = '<g></g><g></g><g></g>';
    ['grid', 'lines', 'points'].forEach(function (name, i) { ref[name] = ref.data.children[i]; });
    movable = Ibias.points({
      layer: ref.points, frame: function () { return frame; }, points: function () { return view.settings.points; },
      changed: function () { view.edited(); },
      selected: function (i) { selected = i; ref.remove.disabled = i < 0 || view.settings.points.length <= 1; }
    });
    panel = Ibias.controls(view, ref, element);
    [0, 1].forEach(function (label) { ref['add' + label].addEventListener('click', function () { movable.add(label); }); });
    Ibias.shareButton(ref.share, function () { return '#' + settings.toHash(view.settings, race.t); });
    ref.remove.addEventListener('click', function () { movable.remove(selected); });
    if (!fromAddress()) view.open(settings.PRESETS[preset] ? preset : 'norms');
    if (inUrl) root.addEventListener('hashchange', fromAddress);
    var width = 0;
    new ResizeObserver(function () {
      if (element.clientWidth === width) return;
      width = element.clientWidth;
      resize();
      draw(false);
    }).observe(element);
    return view;
  }

  Ibias.mountPlayground = mount;
  if (root.document) {
    document.addEventListener('DOMContentLoaded', function () {
      document.querySelectorAll('[data-ibias="playground"]').forEach(function (e) { mount(e, e.getAttribute('data-preset') || 'norms'); });
    });
  }
})(typeof globalThis !== 'undefined' ? globalThis : this);
