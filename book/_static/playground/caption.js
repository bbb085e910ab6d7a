/* One sentence on what the reader sees. It describes the run so far and forecasts nothing. Ibias.caption */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, geometry = Ibias.geometry, engine = Ibias.engine, settings = Ibias.settings;
  var ARRIVED = 5e-4;  // relative error that two decimals show as 1.00
  var BROKEN_OUT = 0.5;

  /* the lane the sentence is about */
  function lead(race, s) {
    var wanted = s.mode === 'norms' ? s.norm : 'mini';
    return race.lanes.filter(function (l) { return l.id === wanted; })[0] || race.lanes[0];
  }

  function place(race, norm) {
    var best = race.best[norm], a = Math.abs(best.touch[0]), b = Math.abs(best.touch[1]), top = Math.max(a, b);
    if (norm === 'max') return Math.abs(a - b) < 1e-6 * top ? 'the corner of the square' : 'an edge of the square';
    if (norm === 'sum') return Math.min(a, b) < 1e-6 * top ? 'the corner of the diamond' : 'an edge of the diamond';
    return 'the touching point of the circle';
  }

  function minus(v) { return String(v).replace('-', '−'); }

  /* '(1, −1)' where the last positions all lie on one line through the origin, else '' */
  function lineOf(l) {
    var recent = l.history.slice(-24).map(function (h) { return h.u; }), base = recent.filter(function (u) { return Math.hypot(u[0], u[1]) > 1e-9; })[0];
    if (!base || recent.length < 6) return '';
    var straight = recent.every(function (u) { return Math.abs(u[0] * base[1] - u[1] * base[0]) < 1e-9 * (1 + Math.hypot(u[0], u[1]) * Math.hypot(base[0], base[1])); });
    if (!straight) return '';
    var flip = (base[0] < 0 ? -1 : 1) / Math.max(Math.abs(base[0]), Math.abs(base[1]));
    return '(' + minus(settings.round2(base[0] * flip)) + ', ' + minus(settings.round2(base[1] * flip)) + ')';
  }

  function escaped(race, l) {
    var names = race.lanes.filter(function (o) { return o !== l && o.now[o.run.norm] !== null && o.now[o.run.norm] < BROKEN_OUT; }).map(function (o) { return o.name; });
    if (!names.length) return '';
    return '; ' + (names.length > 1 ? names.slice(0, -1).join(', ') + ' and ' + names[names.length - 1] + ' have' : names[0] + ' has') + ' broken out';
  }

  function wrongSide(race, l, s, steps) {
    var line = lineOf(l), tail = s.mode === 'recipes' ? escaped(race, l) : '';
    return l.name + (line ? ' steps to and fro along ' + line + ', and after ' + steps : ': after ' + steps) + ' some point is still on the wrong side' + tail + '.';
  }

  function towards(race, l, error) {
    var run = l.run, spot = place(race, run.norm), early = null;
    for (var i = l.history.length; i-- && early === null;) if (l.history[i].t <= race.t / 10) early = l.history[i].now[run.norm];
    var average = run.batch === 1 && !run.momentum && !run.reduced ? engine.sampleAverage(race.z, run.norm) : null;
    if (average && race.t >= 20 && error > 0.03 && geometry.angle(run.u, average) < 0.08) return ', and settling on the average of single-sample steps (the cross), not on ' + spot + '.';
    if (race.t < 10 || early === null) return ' after ' + race.t + (race.t === 1 ? ' step.' : ' steps.');
    var left = early > 0 ? error / early : 0; // the error now over the error at a tenth of the steps
    if (left <= 0.6) return '; heading for ' + spot + '.';
    if (left <= 0.9) return '; gaining only slowly on ' + spot + '.';
    return race.t > 300 ? ', and hardly improving; so far it stays short of ' + spot + '.' : '; no nearer to ' + spot + ' for the moment.';
  }

  function caption(race, s, preset) {
    var l = lead(race, s), norm = l.run.norm;
    if (!race.best[norm].separable) return 'No line through the origin separates these points, so there is no best margin to head for. Drag a point to the other side.';
    if (race.t === 0) return preset ? settings.PRESETS[preset].question : 'Everyone starts at W = 0 with the same shuffles. Press Play.';
    var steps = race.t.toLocaleString('en') + (race.t === 1 ? ' step' : ' steps'), error = l.now[norm];
    if (error === null || l.now.margin <= 0) return wrongSide(race, l, s, steps);
    var ratio = 1 - error;
    if (error < ARRIVED) return l.name + ': margin 1.00 of the best possible. It has arrived at ' + place(race, norm) + '.';
    return l.name + ': margin ' + (Math.floor(ratio * 100) / 100).toFixed(2) + ' of the best possible' + towards(race, l, error);
  }

  Ibias.caption = { text: caption, lead: lead };
})(typeof globalThis !== 'undefined' ? globalThis : this);
