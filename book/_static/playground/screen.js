/* Draws a playground: planes, races, sentence, numbers. Ibias.screen */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {};
  var SAY_MS = 350; // the sentence changes no faster than it can be read

  function fit(svg) {
    var w = svg.clientWidth || 340, h = svg.clientHeight || 340;
    svg.setAttribute('viewBox', '0 0 ' + w + ' ' + h);
    return { w: w, h: h };
  }

  /* stage: {settings, preset, playing, race, frame, ball} of the moment; ref: data-ref -> element */
  function screen(stage, ref) {
    var spoken = '', captioned = 0;

    function weights() {
      var box = fit(ref.weights), best = stage.race.best[stage.settings.norm];
      ref.weights.innerHTML = Ibias.planes.weights(box.w, box.h, stage.race, stage.settings, stage.ball);
      ref.weights.setAttribute('aria-label', best.separable ? 'Weight space. The ball of the ' + stage.settings.norm + ' norm touches the region of margins at least 1 at radius ' +
        (1 / best.margin).toFixed(3) + ', at u = (' + best.touch.map(function (v) { return v.toFixed(2); }).join(', ') + ').' : 'Weight space. The points are not separable.');
    }

    function races() {
      var race = stage.race, norms = stage.settings.mode === 'norms' ? Ibias.geometry.NORMS : [stage.settings.norm], several = norms.length > 1;
      if (ref.races.children.length !== norms.length) {
        ref.races.setAttribute('data-count', norms.length);
        ref.races.innerHTML = norms.map(function () { return '<div class="ib-panel"><p class="ib-title"></p><svg role="img"></svg></div>'; }).join('');
      }
      ref.legend.hidden = !several;
      if (several) ref.legend.innerHTML = Ibias.raceView.legend(race);
      norms.forEach(function (norm, i) {
        var box = ref.races.children[i], svg = box.lastChild, size = fit(svg);
        box.firstChild.textContent = (several ? 'in the ' : 'measured in the ') + Ibias.planes.SHORT[norm] + ' norm';
        svg.innerHTML = Ibias.raceView.panel(size.w, size.h, race, norm, !several || size.w > 420);
        svg.setAttribute('aria-label', 'Relative margin error in the ' + norm + ' norm after ' + race.t + ' steps: ' +
          race.lanes.map(function (l) { return l.name + ' ' + Ibias.raceView.number(l.now ? l.now[norm] : null); }).join('; '));
      });
    }

    function say(aloud) {
      var text = Ibias.caption.text(stage.race, stage.settings, stage.preset);
      ref.caption.textContent = text;
      ref.caption.style.setProperty('--ib-lead', Ibias.caption.lead(stage.race, stage.settings).color);
      if (aloud && text !== spoken) ref.live.textContent = spoken = text;
    }

    /* still: nothing is moving, so the sentence is spoken and the table filled */
    function draw(still) {
      var t = stage.race.t;
      ref.lines.innerHTML = Ibias.planes.dataLines(stage.frame, stage.race, stage.settings);
      weights();
      races();
      ref.clock.textContent = 'step ' + t.toLocaleString('en');
      ref.play.textContent = stage.playing ? 'Pause' : 'Play';
      ref.play.disabled = ref.step.disabled = t >= Ibias.race.LAST_STEP;
      if (still || performance.now() - captioned > SAY_MS) { captioned = performance.now(); say(still); }
      if (still || ref.numbers.open) ref.table.innerHTML = Ibias.raceView.table(stage.race);
    }

    function resize() {
      var box = fit(ref.data);
      stage.frame = Ibias.planes.dataFrame(box.w, box.h);
      ref.grid.innerHTML = Ibias.planes.dataGrid(stage.frame);
    }

    return { draw: draw, weights: weights, resize: resize };
  }

  Ibias.screen = screen;
})(typeof globalThis !== 'undefined' ? globalThis : this);
