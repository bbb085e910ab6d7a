/* Ibias.mountPlayground(element, preset): a playground inside an element. Elements with data-ibias="playground" mount themselves;
 * data-preset="stuck" chooses what they open with, data-url keeps their state in the page's address, data-compact leaves out settings and folds.
 * An element inside a closed fold mounts when the fold is opened. */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, settings = Ibias.settings, PRESETS = Ibias.presets.PRESETS, mounted = 0;
  var REPLAY = 3000;   // after an edit the race is run again up to here at most
  var FIRST = 12;      // steps that run by themselves before the reader guesses
  var SAVE_MS = 250;   // browsers refuse an address that changes too often

  /* data-ref -> element, the three layers of data space included */
  function build(element, uid) {
    var ref = {};
    element.classList.add('ib-figure', 'ib-playground');
    element.innerHTML = Ibias.layout(uid, PRESETS, element.hasAttribute('data-compact'));
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
        var hash = '#' + settings.toHash(view.settings, view.playing ? 0 : view.race.t, view.preset);
        try { history.replaceState(null, '', hash); } catch (e) { /* a viewer without history */ }
      }, SAVE_MS);
    };
  }

  /* the playground as controls.js sees it: its state, and what its buttons do */
  function create(element, ref) {
    var view = { settings: null, preset: '', playing: false, speed: 3, race: null, frame: null, ball: 1, until: Ibias.race.LAST_STEP }, asked = 0;
    var screen = Ibias.screen(view, ref), clock = Ibias.clock(view, screen, function () { view.play(false); }), save = saver(element, view);
    view.guess = Ibias.guess(view, ref, function () { runTo(view.guess.HORIZON); });

    function runTo(step) {
      if (!clock.calm()) { view.play(true, step); return; }
      clock.reach(step, settled(step));
    }
    function settled(target) { return function () { if (view.race.t < target) screen.moving(); else { screen.still(); save(); } }; }
    function show(chosen, t) {
      clock.hold();
      view.settings = chosen;
      view.playing = false;
      view.race = Ibias.race.create(chosen);
      view.resize();
      view.controls.show();
      screen.still();
      clock.reach(t, settled(t));
    }
    function ball(share) {
      view.ball = share;
      ref.radius.value = Math.round(100 * share);
      screen.weights();
    }
    /* run again to the same step, so that an edit is seen at once; many edits between two pictures are one */
    function rerun() {
      var target = Math.min(view.race.t, REPLAY);
      asked = 0;
      view.settings.batch = settings.fitBatch(view.settings.batch, view.settings.points.length);
      view.settings.norm = settings.fitNorm(view.settings.norm, view.settings.points);
      view.race = Ibias.race.create(view.settings);
      view.goal = Math.max(view.goal, target);
      view.controls.show();
      clock.reach(view.goal, settled(view.goal));
    }

    return Object.assign(view, {
      show: show, screen: screen, goal: 0,
      play: function (on, until) {
        view.until = until || Ibias.race.LAST_STEP;
        view.playing = on && view.race.t < view.until;
        if (view.playing) clock.start();
        screen.still();
        save();
      },
      step: function () { view.playing = false; Ibias.race.advance(view.race, 1); screen.still(); save(); },
      reset: function () { show(view.settings, 0); },
      edited: function () {
        view.preset = '';
        if (!asked) { view.goal = Math.min(view.race.t, REPLAY); asked = requestAnimationFrame(rerun); }
      },
      open: function (name) {
        view.preset = name;
        view.guess.forget();
        show(settings.fromPreset(name), 0);
        view.begin();
      },
      /* the ball grows, the first steps run, and the reader is asked */
      begin: function () {
        clock.grow(ball, function () { if (view.race.t === 0 && !view.playing && !clock.calm()) view.play(true, FIRST); });
      },
      setBall: function (share) { clock.hold(); ball(share); },
      grow: function () { clock.grow(ball); },
      resize: function () { screen.resize(); view.movable.build(); }
    });
  }

  /* movable points and their buttons */
  function bindPoints(view, ref) {
    var selected = -1;
    view.movable = Ibias.points({
      layer: ref.points, frame: function () { return view.frame; }, points: function () { return view.settings.points; },
      changed: function () { view.edited(); },
      selected: function (i) { selected = i; ref.remove.disabled = i < 0 || view.settings.points.length <= 1; }
    });
    [0, 1, 2].forEach(function (label) { ref['add' + label].addEventListener('click', function () { view.movable.add(label); }); });
    ref.remove.addEventListener('click', function () { view.movable.remove(selected); });
  }

  /* begin once the panels have been seen, and never before */
  function onceSeen(target, begin) {
    var watch = new IntersectionObserver(function (seen) {
      if (!seen.some(function (e) { return e.isIntersecting; })) return;
      watch.disconnect();
      begin();
    }, { threshold: 0.4 });
    watch.observe(target);
  }

  function mount(element, preset) {
    var uid = 'ib' + (++mounted) + '-', ref = build(element, uid), view = create(element, ref), inUrl = element.hasAttribute('data-url'), width = 0;
    bindPoints(view, ref);
    view.controls = Ibias.controls(view, ref, element);
    if (ref.share) Ibias.shareButton(ref.share, function () { return '#' + settings.toHash(view.settings, view.race.t, view.preset); });
    if (ref.paste) Ibias.own(ref, uid, function (points) {
      view.preset = '';
      view.show(Object.assign({}, view.settings, { points: points, batch: settings.fitBatch(view.settings.batch, points.length), norm: settings.fitNorm(view.settings.norm, points) }), 0);
    });

    /* what the address names, or the given preset; a story at step 0 begins by itself */
    function open(again) {
      var found = inUrl ? settings.fromHash(location.hash) : null;
      if (!found && again) return;
      view.preset = found ? found.preset : PRESETS[preset] ? preset : 'norms';
      view.guess.forget();
      view.show(found ? found.settings : settings.fromPreset(view.preset), found ? found.t : 0);
      if (view.preset && !(found && found.t)) onceSeen(ref.weights, function () { if (view.race.t === 0) view.begin(); });
    }
    open(false);
    if (inUrl) root.addEventListener('hashchange', function () { open(true); });
    new ResizeObserver(function () {
      if (element.clientWidth === width) return;
      width = element.clientWidth;
      view.resize();
      view.screen.still();
    }).observe(element);
    return view;
  }

  function start(element) {
    var fold = element.closest('details'), preset = element.getAttribute('data-preset') || 'norms';
    if (!fold || fold.open) { mount(element, preset); return; }
    fold.addEventListener('toggle', function () { mount(element, preset); }, { once: true });
  }

  Ibias.mountPlayground = mount;
  if (root.document) {
    document.addEventListener('DOMContentLoaded', function () { document.querySelectorAll('[data-ibias="playground"]').forEach(start); });
  }
})(typeof globalThis !== 'undefined' ? globalThis : this);
