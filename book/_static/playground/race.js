/* Several methods on the same data with the same shuffles, and what there is to draw of them. Ibias.race */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, geometry = Ibias.geometry, engine = Ibias.engine, matrix = Ibias.matrix;
  var LAST_STEP = 100000;
  var DENSE = 30, APART = 1.05;      // every step is kept up to here, then 5 % apart: a few hundred records at most
  var NORMS = { 2: ['max', 'frobenius', 'sum'], 3: ['max', 'frobenius', 'spectral'] }; // by the number of classes
  var NAMES = {
    max: ['SignSGD', 'Signum'], frobenius: ['N-SGD', 'N-MSGD'], sum: ['Coordinate', 'Coordinate + momentum'], spectral: ['Spectral-SGD', 'Muon']
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
    sum: { text: 'sum: coordinate', dash: '2 3' },
    spectral: { text: 'spectral', dash: '2 3' }
  };

  /* the labels that occur, in order; a class without a point is none, as in ibias */
  function present(points) { return [0, 1, 2].filter(function (c) { return points.some(function (p) { return p.label === c; }); }); }
  function classes(points) { return Math.max(2, present(points).length); }
  function methodName(norm, momentum, vr) { return (vr ? 'VR-' : '') + NAMES[norm][momentum ? 1 : 0]; }

  function lane(id, look, name, run) {
    return { id: id, text: look.text, color: 'var(--ib-' + id + ')', dash: look.dash, name: name, run: run, u: [0, 0], history: [], next: 1, low: {}, high: {} };
  }

  function recipeLane(id, s, common) {
    var momentum = id === 'momentum' || id === 'both', vr = id === 'vr' || id === 'both';
    var run = engine.create(Object.assign({}, common, { norm: s.norm, batch: id === 'full' ? common.points.length : s.batch, momentum: momentum ? s.beta : 0, reduced: vr }));
    return lane(id, RECIPES[id], methodName(s.norm, momentum, vr) + (id === 'full' ? ', full batch' : ''), run);
  }

  /* settings -> {points, k, norms, z (two classes only), best (norm -> maximum margin), lanes, t} at step 0 */
  function create(s) {
    var k = classes(s.points), there = present(s.points), points = s.points.map(function (p) { return { x: p.x, y: p.y, label: there.length > 1 ? there.indexOf(p.label) : p.label % 2 }; }), z = k === 2 ? geometry.signed(points) : null, best = {};
    NORMS[k].forEach(function (norm) { best[norm] = z ? geometry.maxMargin(z, norm) : Ibias.barrier(points, k, norm); });
    var common = { points: points, k: k, batch: s.batch, eta0: s.eta, a: s.a, orders: Ibias.philox.orders(points.length, s.seed) };
    var lanes = s.mode === 'recipes' ? s.lanes.map(function (id) { return recipeLane(id, s, common); })
      : NORMS[k].map(function (norm) {
        var run = engine.create(Object.assign({}, common, { norm: norm, momentum: s.momentum ? s.beta : 0, reduced: s.vr }));
        return lane(norm, BY_NORM[norm], methodName(norm, s.momentum, s.vr), run);
      });
    return { points: points, k: k, norms: NORMS[k], z: z, best: best, lanes: lanes, t: 0 };
  }

  /* in the plane of two classes the length of u, the same for every W that draws the same line */
  function size(race, l, norm) { return race.z ? geometry.value(l.u, norm) : matrix.value(l.run.w, norm); }

  /* least margin, and 1 - (margin / ||W||) / best in every norm: null at W = 0 or where there is no best */
  function errors(race, l) {
    var out = { margin: engine.minMargin(l.run.w, race.k, race.points) };
    race.norms.forEach(function (norm) {
      var long = size(race, l, norm), best = race.best[norm].margin;
      out[norm] = long > 0 && best > 0 ? 1 - out.margin / long / best : null;
    });
    return out;
  }

  /* widen the range that this lane covered since its last record: a fast oscillation is drawn as a band */
  function observe(race, l) {
    l.u = engine.difference(l.run.w);
    var now = errors(race, l);
    race.norms.forEach(function (norm) {
      if (now[norm] === null) return;
      l.low[norm] = Math.min(now[norm], l.low[norm] === undefined ? Infinity : l.low[norm]);
      l.high[norm] = Math.max(now[norm], l.high[norm] === undefined ? -Infinity : l.high[norm]);
    });
    l.now = now;
    if (race.t < l.next) return;
    l.history.push({ t: race.t, u: l.u, w: l.run.w, now: now, low: l.low, high: l.high });
    l.low = {};
    l.high = {};
    l.next = race.t < DENSE ? race.t + 1 : Math.ceil(race.t * APART) + (l.history.length % 2); // odd and even steps both get seen
  }

  function advance(race, count) {
    for (; count > 0 && race.t < LAST_STEP; count--) {
      race.t++;
      race.lanes.forEach(function (l) { engine.step(l.run); observe(race, l); });
    }
    return race;
  }

  Ibias.race = { LAST_STEP: LAST_STEP, NORMS: NORMS, classes: classes, create: create, advance: advance, size: size };
})(typeof globalThis !== 'undefined' ? globalThis : this);
