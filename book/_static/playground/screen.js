/* Draws a playground: planes, races, sentence, numbers. Ibias.screen */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {};
  var SAY_MS = 250; // counter and sentence change together, no faster than they can be read
  var EVERY = 4;       // a race chart is drawn in one of so many pictures
  var SLOW_UNTIL = 40; // steps that can be told apart while the race runs

  function fit(svg) {
    var w = svg.clientWidth || 340, h = svg.clientHeight || 340, box = '0 0 ' + w + ' ' + h;
    if (svg.getAttribute('viewBox') !== box) svg.setAttribute('viewBox', box);
    return { w: w, h: h };
  }

  /* stage: {settings, preset, playing, race, frame, ball, guess} of the moment; ref: data-ref -> element */
  function screen(stage, ref) {
    var spoken = '', said = 0, turn = 0, sizes = {};

    function slow() { return !stage.playing || stage.race.t < SLOW_UNTIL; }

    function weights() {
      ref.weights.innerHTML = Ibias.weightView.draw(sizes.weights.w, sizes.weights.h, stage.race, stage.settings, stage.ball, slow());
    }

    function name() {
      var best = stage.race.best[stage.settings.norm], what = stage.race.z ? 'Weight space. ' : 'The rows of W. ';
      ref.weights.setAttribute('aria-label', what + (best.separable ? 'The ball of the ' + stage.settings.norm + ' norm touches the region of margins at least 1 at radius ' + (1 / best.margin).toFixed(3) +
        (best.touch ? ', at u = (' + best.touch.map(function (v) { return v.toFixed(2); }).join(', ') + ').' : '.') : 'The points are not separable.'));
      ref.weighttitle.innerHTML = stage.race.z ? '<b>Weight space.</b> <span class="ib-more">Shaded: margins at least 1. The ball grows until it touches.</span>'
        : '<b>Rows of W.</b> <span class="ib-more">One arrow a class. Rings: the best of each norm.</span>';
      ref.ballrow.classList.toggle('ib-blank', !stage.race.z);
    }

    function shown() { return stage.settings.mode === 'norms' ? stage.race.norms : [stage.settings.norm]; }

    function frames() {
      var norms = shown(), several = norms.length > 1;
      if (ref.races.children.length !== norms.length) {
        ref.races.setAttribute('data-count', norms.length);
        ref.races.innerHTML = norms.map(function () { return '<div class="ib-panel"><p class="ib-title"></p><svg role="img"></svg></div>'; }).join('');
      }
      ref.legend.hidden = !several;
      ref.legend.innerHTML = several ? Ibias.raceView.legend(stage.race) : '';
      norms.forEach(function (norm, i) {
        ref.races.children[i].firstChild.textContent = (several ? 'in the ' : 'measured in the ') + Ibias.weightView.SHORT[norm] + ' norm';
        sizes['race' + i] = fit(ref.races.children[i].lastChild);
      });
    }

    function racePanel(i) {
      var norm = shown()[i], size = sizes['race' + i];
      ref.races.children[i].lastChild.innerHTML = Ibias.raceView.panel(size.w, size.h, stage.race, norm, shown().length === 1 || size.w > 420);
    }

    function describe() {
      shown().forEach(function (norm, i) {
        ref.races.children[i].lastChild.setAttribute('aria-label', 'Relative margin error in the ' + norm + ' norm after ' + stage.race.t + ' steps: ' +
          stage.race.lanes.map(function (l) { return l.name + ' ' + Ibias.raceView.number(l.now ? l.now[norm] : null); }).join('; '));
      });
    }

    function say(aloud) {
      var found = Ibias.caption.phased(stage.race, stage.settings, stage.preset), text = found.phase + '. ' + found.text;
      ref.phase.textContent = found.phase + '.';
      ref.sentence.textContent = found.text;
      ref.caption.style.setProperty('--ib-lead', Ibias.caption.lead(stage.race, stage.settings).color);
      ref.clock.textContent = 'step ' + stage.race.t.toLocaleString('en');
      if (aloud && text !== spoken) ref.live.textContent = spoken = text;
      stage.guess.show();
    }

    function lines() { ref.lines.innerHTML = Ibias.dataView.draw(stage.frame, stage.race, stage.settings, slow(), stage.guess.lines()); }

    /* everything; nothing is moving, so the sentence is spoken and the table filled */
    function still() {
      frames();
      lines();
      weights();
      name();
      shown().forEach(function (_, i) { racePanel(i); });
      describe();
      say(true);
      ref.play.textContent = stage.playing ? 'Pause' : 'Play';
      ref.play.disabled = ref.step.disabled = stage.race.t >= Ibias.race.LAST_STEP;
      ref.table.innerHTML = Ibias.raceView.table(stage.race);
      if (ref.program) ref.program.textContent = Ibias.python(stage.settings, stage.race);
      said = performance.now();
    }

    /* one picture of a running race: the planes, and one race chart after the other */
    function moving() {
      lines();
      weights();
      turn = (turn + 1) % EVERY;
      if (turn < shown().length) racePanel(turn);
      if (performance.now() - said > SAY_MS) { said = performance.now(); say(false); }
    }

    function resize() {
      var box = fit(ref.data);
      sizes.weights = fit(ref.weights);
      stage.frame = Ibias.dataView.create(box.w, box.h);
      ref.grid.innerHTML = Ibias.dataView.grid(stage.frame);
    }

    return { still: still, moving: moving, weights: weights, resize: resize };
  }

  Ibias.screen = screen;
})(typeof globalThis !== 'undefined' ? globalThis : this);
