/* The same run as a program for ibias. Ibias.python(settings, race) */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {};
  var NAMES = { max: 'ib.MAX', frobenius: 'ib.FROBENIUS', spectral: 'ib.SPECTRAL', sum: 'ib.SUM' };

  /* the signal of a run: batches, then what is done to their gradients */
  function signal(run) {
    var text = run.batch === run.n ? 'ib.FullBatch()' : 'ib.Minibatch(' + run.batch + ')';
    if (run.reduced && run.batch < run.n) text = 'ib.VarianceReduced(' + text + ')';
    return run.momentum > 0 ? 'ib.Momentum(' + run.momentum + ', ' + text + ')' : text;
  }

  function python(s, race) {
    if (race.points.every(function (p) { return p.label === race.points[0].label; })) return '# one class only; ibias asks for two\n';
    var seen = [], steps = Math.max(race.t, 1);
    race.lanes.forEach(function (l) { if (seen.indexOf(l.run.norm) < 0) seen.push(l.run.norm); });
    return [
      'import numpy as np', 'import ibias as ib', '',
      'points = np.array([  # two features and the class'].concat(race.points.map(function (p) { return '    [' + [p.x, p.y, p.label].join(', ') + '],'; })).concat([
      '])', 'data = ib.Dataset(points[:, :2], points[:, 2].astype(int), "playground")',
      'schedule = ib.Power(' + s.eta + ', a=' + s.a + ')',
      'methods = [']).concat(race.lanes.map(function (l) {
      return '    ib.SteepestDescent(\n        ' + NAMES[l.run.norm] + ', ' + signal(l.run) + ', schedule,\n        name="' + l.name + '",\n    ),';
    })).concat([
      ']', 'best = {norm.text: ib.max_margin(data, norm) for norm in [' + seen.map(function (n) { return NAMES[n]; }).join(', ') + ']}',
      'runs = ib.simulate(data, methods, seeds=[' + s.seed + '], steps=' + steps + ', record=[' + steps + '])',
      'runs = ib.relative_error(runs, best).isel(seed=0, step=-1)',
      'for name in runs.optimizer.values:',
      '    run = runs.sel(optimizer=name)',
      '    margin = float(run.margin * run.norm_own)',
      '    print(f"{name}: least margin {margin:.4f}, error {float(run.error):.4f}")', ''
    ]).join('\n');
  }

  Ibias.python = python;
})(typeof globalThis !== 'undefined' ? globalThis : this);
