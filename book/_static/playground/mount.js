/* Ibias.mountPlayground(element, preset): a playground inside an element. Elements with data-ibias="playground" mount themselves;
 * data-preset="stuck" chooses what they open with, data-url keeps their state in the page's address. */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, settings = Ibias.settings, mounted = 0;
  var REPLAY = 3000;   // after an edit the race is run again up to here at most, to stay fluent
  var SAVE_MS = 250;   // browsers refuse an address that changes too often

  /* data-ref -> element, the three layers of data space included */
  function build(element) {
    var ref = {};
    element.classList.add('ib-figure', 'ib-playground');
    element.innerHTML = Ibias.layout('ib' + (++mounted) + '-', settings.PRESETS);
    element.querySelectorAll('[data-ref]').forEach(function (e) { ref[e.getAttribute('data-ref')] = e; });
    ref.data.innerHTML = '<g></g><g></g><g></g>';
    ['grid', 'lines', 'points'].forEach(function (name, i) { ref[name] = ref.data.children[i]; });
    return ref;
  }

  function saver(element, view) {
    var due = 0;
    return function () {
      clearTimeout(due);
      if (!element.hasAttribute('data-url')) return;
      due = setTimeout(function () {
        var hash = '#' + settings.toHash(view.settings, view.playing ? 0 : view.race.t);
        try { history.replaceState(null, '', hash); } catch (e) { /* a viewer without history */ }
      }, SAVE_MS);
    };
  }

  /* the playground as controls.js sees it: its state, and what its buttons do */
  function create(element, ref) {
    var view = { settings: null, preset: '', playing: false, speed: 3, race: null, frame: null, ball: 1 };
    var screen = Ibias.screen(view, ref), clock = Ibias.clock(view, screen, function () { view.play(false); }), save = saver(element, view);

    function show(chosen, t) {
      view.settings = chosen;
      view.playing = false;
      view.race = Ibias.race.advance(Ibias.race.create(chosen), t);
      view.resize();
      view.controls.show();
      screen.draw(true);
      save();
    }
    function ball(share) {
      view.ball = share;
      ref.radius.value = Math.round(100 * share);
      screen.weights();
    }

    return Object.assign(view, {
      show: show, screen: screen,
      play: function (on) {
        view.playing = on && view.race.t < Ibias.race.LAST_STEP;
        if (view.playing) clock.start();
        screen.draw(!view.playing);
        save();
      },
      step: function () { view.playing = false; Ibias.race.advance(view.race, 1); screen.draw(true); save(); },
      reset: function () { show(view.settings, 0); },
      edited: function () { // run again to the same step, so that an edit is seen at once
        view.preset = '';
        view.settings.batch = settings.fitBatch(view.settings.batch, view.settings.points.length);
        view.race = Ibias.race.advance(Ibias.race.create(view.settings), Math.min(view.race.t, REPLAY));
        view.controls.show();
        screen.draw(true);
        save();
      },
      open: function (name) { view.preset = name; show(settings.fromPreset(name), 0); view.grow(); },
      setBall: function (share) { clock.hold(); ball(share); },
      grow: function () { clock.grow(ball); },
      resize: function () { screen.resize(); view.movable.build(); }
    });
  }

  /* movable points and their three buttons */
  function bindPoints(view, ref) {
    var selected = -1;
    view.movable = Ibias.points({
      layer: ref.points, frame: function () { return view.frame; }, points: function () { return view.settings.points; },
      changed: function () { view.edited(); },
      selected: function (i) { selected = i; ref.remove.disabled = i < 0 || view.settings.points.length <= 1; }
    });
    [0, 1].forEach(function (label) { ref['add' + label].addEventListener('click', function () { view.movable.add(label); }); });
    ref.remove.addEventListener('click', function () { view.movable.remove(selected); });
  }

  function mount(element, preset) {
    var ref = build(element), view = create(element, ref), inUrl = element.hasAttribute('data-url'), width = 0;
    bindPoints(view, ref);
    view.controls = Ibias.controls(view, ref, element);
    Ibias.shareButton(ref.share, function () { return '#' + settings.toHash(view.settings, view.race.t); });

    function fromAddress() {
      var found = inUrl ? settings.fromHash(location.hash) : null;
      if (!found) return false;
      view.preset = found.preset;
      view.show(found.settings, found.t);
      return true;
    }
    if (!fromAddress()) view.open(settings.PRESETS[preset] ? preset : 'norms');
    if (inUrl) root.addEventListener('hashchange', fromAddress);
    new ResizeObserver(function () {
      if (element.clientWidth === width) return;
      width = element.clientWidth;
      view.resize();
      view.screen.draw(false);
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
