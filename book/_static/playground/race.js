/* Several methods on the same data with the same shuffles, and what there is to draw of them. Ibias.race */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, geometry = Ibias.geometry, engine = Ibias.engine;
  var LAST_STEP = 100000;
  var DENSE = 40;      // every step is kept up to here, then 2.5 % apart
  var NAMES = {
    max: ['SignSGD', 'Signum'], frobenius: ['N-SGD', 'N-MSGD'], sum: ['Coordinate', 'Coordinate + momentum']
  };
  var RECIPES = {
    full: { text: 'full batch', dash: '' },
    mini: { text: 'mini-batch', dash: '7 3' },
    momentum: { text: '+ momentum', dash: '2 3' },
    vr: { text: '+ VR', dash: '9 3 2 3' },
    both: { text: '+ both', dash: '14 4' }
  };
  var BY_NORM = {
    max: { text: 'max: sign', dash: '' },
    frobenius: { text: 'Frobenius', dash: '7 3' },
    sum: { text: 'sum: coordinate', dash: '2 3' }
  };

  function methodName(norm, momentum, vr) { return (vr ? 'VR-' : '') + NAMES[norm][momentum ? 1 : 0]; }

  function lane(id, look, name, run) {
    return { id: id, text: look.text, color: 'var(--ib-' + id + ')', dash: look.dash, name: name, run: run, history: [], next: 1, low: {}, high: {} };
  }

  function recipeLane(id, s, common) {
    var momentum = id === 'momentum' || id === 'both', vr = id === 'vr' || id === 'both';
    var run = engine.create(Object.assign({}, common, { norm: s.norm, batch: id === 'full' ? common.z.length : s.batch, momentum: momentum ? s.beta : 0, reduced: vr }));
    return lane(id, RECIPES[id], methodName(s.norm, momentum, vr) + (id === 'full' ? ', full batch' : ''), run);
  }

  /* settings -> {z, best (norm -> maximum margin), lanes, t} at step 0 */
  function create(s) {
    var z = geometry.signed(s.points), best = {};
    geometry.NORMS.forEach(function (norm) { best[norm] = geometry.maxMargin(z, norm); });
    var common = { z: z, batch: s.batch, eta0: s.eta, a: s.a, orders: Ibias.philox.orders(z.length, s.seed) };
    var lanes = s.mode === 'recipes' ? s.lanes.map(function (id) { return recipeLane(id, s, common); })
      : geometry.NORMS.map(function (norm) {
        var run = engine.create(Object.assign({}, common, { norm: norm, momentum: s.momentum ? s.beta : 0, reduced: s.vr }));
        return lane(norm, BY_NORM[norm], methodName(norm, s.momentum, s.vr), run);
      });
    return { z: z, best: best, lanes: lanes, t: 0 };
  }

  /* errors of one lane in every norm, now */
  function errors(race, l) {
    var out = { margin: geometry.minMargin(l.run.u, race.z) };
    geometry.NORMS.forEach(function (norm) { out[norm] = geometry.relativeError(l.run.u, out.margin, norm, race.best[norm].margin); });
    return out;
  }

  /* widen the range that this lane covered since its last record: a fast oscillation is drawn as a band */
  function observe(race, l) {
    var now = errors(race, l);
    geometry.NORMS.forEach(function (norm) {
      if (now[norm] === null) return;
      l.low[norm] = Math.min(now[norm], l.low[norm] === undefined ? Infinity : l.low[norm]);
      l.high[norm] = Math.max(now[norm], l.high[norm] === undefined ? -Infinity : l.high[norm]);
    });
    l.now = now;
    if (race.t < l.next) return;
    l.history.push({ t: race.t, u: l.run.u.slice(), now: now, low: l.low, high: l.high });
    l.low = {};
    l.high = {};
    l.next = race.t < DENSE ? race.t + 1 : Math.ceil(race.t * 1.025) + (l.history.length % 2); // odd and even steps both get seen
  }

  function advance(race, count) {
    for (; count > 0 && race.t < LAST_STEP; count--) {
      race.t++;
      race.lanes.forEach(function (l) { engine.step(l.run); observe(race, l); });
    }
    return race;
  }

  Ibias.race = { LAST_STEP: LAST_STEP, create: create, advance: advance, errors: errors };
})(typeof globalThis !== 'undefined' ? globalThis : this);
