/* What the reader sees, in words: the name of the phase and one sentence. It describes the run so far and forecasts nothing. Ibias.caption */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, geometry = Ibias.geometry, engine = Ibias.engine, svg = Ibias.svg;
  var ARRIVED = 5e-4;  // relative error that two decimals show as 1.00
  var BROKEN_OUT = 0.5;
  var EARLY = 10;      // steps before which nothing can be read off

  /* the lane the sentence is about */
  function lead(race, s) {
    var wanted = s.mode === 'norms' ? s.norm : 'mini';
    return race.lanes.filter(function (l) { return l.id === wanted; })[0] || race.lanes[0];
  }

  function place(race, norm) {
    if (!race.z) return 'its best borders';
    var best = race.best[norm], a = Math.abs(best.touch[0]), b = Math.abs(best.touch[1]), top = Math.max(a, b);
    if (norm === 'max') return Math.abs(a - b) < 1e-6 * top ? 'the corner of the square' : 'an edge of the square';
    if (norm === 'sum') return Math.min(a, b) < 1e-6 * top ? 'the corner of the diamond' : 'an edge of the diamond';
    return 'the touching point of the circle';
  }

  /* '(1, −1)' where the last positions all lie on one line through the origin, else '' */
  function lineOf(l) {
    var recent = l.history.slice(-24).map(function (h) { return h.u; }), base = recent.filter(function (u) { return Math.hypot(u[0], u[1]) > 1e-9; })[0];
    if (!base || recent.length < 6 || l.run.k > 2) return '';
    var straight = recent.every(function (u) { return Math.abs(u[0] * base[1] - u[1] * base[0]) < 1e-9 * (1 + Math.hypot(u[0], u[1]) * Math.hypot(base[0], base[1])); });
    if (!straight) return '';
    var flip = (base[0] < 0 ? -1 : 1) / Math.max(Math.abs(base[0]), Math.abs(base[1]));
    return '(' + base.map(function (v) { return svg.minus(Ibias.settings.round2(v * flip)); }).join(', ') + ')';
  }

  function escaped(race, l) {
    var names = race.lanes.filter(function (o) { return o !== l && o.now[o.run.norm] !== null && o.now[o.run.norm] < BROKEN_OUT; }).map(function (o) { return o.name; });
    if (!names.length) return '';
    return '; ' + (names.length > 1 ? names.slice(0, -1).join(', ') + ' and ' + names[names.length - 1] + ' have' : names[0] + ' has') + ' broken out';
  }

  function wrongSide(race, l, s) {
    var line = lineOf(l), tail = s.mode === 'recipes' ? escaped(race, l) : '';
    var said = line ? l.name + ' steps to and fro along ' + line + ', and some point is still on the wrong side' : l.name + ': some point is still on the wrong side';
    return { phase: line ? 'Stuck' : race.t < EARLY ? 'First steps' : 'Not yet separated', text: said + tail + '.' };
  }

  /* the error now over the error at a tenth of the steps; null while there is none */
  function gain(race, l) {
    for (var i = l.history.length; i--;) {
      var h = l.history[i];
      if (h.t <= race.t / 10) return h.now[l.run.norm] > 0 ? l.now[l.run.norm] / h.now[l.run.norm] : h.now[l.run.norm] === null ? null : 0;
    }
    return null;
  }

  function towards(race, l, error) {
    var run = l.run, spot = place(race, run.norm), left = gain(race, l);
    var average = race.z && run.batch === 1 && !run.momentum && !run.reduced ? engine.sampleAverage(race.z, run.norm) : null;
    if (average && race.t >= 20 && error > 0.03 && geometry.angle(l.u, average) < 0.08) return { phase: 'Settled elsewhere', text: ', and settling on the average of single-sample steps (the cross), not on ' + spot + '.' };
    if (race.t < EARLY || left === null) return { phase: 'First steps', text: '.' };
    if (left <= 0.6) return { phase: 'Turning', text: '; heading for ' + spot + '.' };
    if (left <= 0.9) return { phase: 'Turning slowly', text: '; gaining only slowly on ' + spot + '.' };
    return race.t > 300 ? { phase: 'Short of the best', text: ', and hardly improving; so far it stays short of ' + spot + '.' } : { phase: 'Wavering', text: '; no nearer to ' + spot + ' for the moment.' };
  }

  /* {phase, text} */
  function phased(race, s, preset) {
    var l = lead(race, s), norm = l.run.norm, error = l.now ? l.now[norm] : null;
    if (!race.best[norm].separable) {
      return { phase: 'No best classifier', text: (race.z ? 'No line through the origin separates these points' : 'No three borders from the origin separate these points') + ', so there is no best margin to head for. Drag a point to the other side.' };
    }
    if (race.t === 0) return { phase: 'Start', text: preset ? Ibias.presets.PRESETS[preset].question : 'Everyone starts at W = 0 with the same shuffles. Press Play.' };
    if (error === null || l.now.margin <= 0) return wrongSide(race, l, s);
    if (error < ARRIVED) return { phase: 'Arrived', text: l.name + ': margin 1.00 of the best possible, at ' + place(race, norm) + '.' };
    var way = towards(race, l, error);
    return { phase: way.phase, text: l.name + ': margin ' + (Math.floor((1 - error) * 100) / 100).toFixed(2) + ' of the best possible' + way.text };
  }

  Ibias.caption = { phased: phased, lead: lead, text: function (race, s, preset) { var p = phased(race, s, preset); return p.phase + '. ' + p.text; } };
})(typeof globalThis !== 'undefined' ? globalThis : this);
