/* node tests/drive_playground.js < cases.json: runs the page's own engine without a page, for test_playground.py */
'use strict';
const path = require('path');
const FILES = ['common/svg', 'common/axes', ...['philox', 'geometry', 'matrix', 'barrier', 'engine', 'regions', 'presets', 'race', 'settings', 'csv', 'python', 'caption', 'view_race'].map((name) => 'playground/' + name)];
FILES.forEach((name) => require(path.join(__dirname, '..', 'book', '_static', name + '.js')));
const { philox, geometry, matrix, barrier, engine, presets, settings, race, csv, python, caption, raceView } = globalThis.Ibias;

function ran(c) {
  const chosen = { ...settings.fromPreset(c.preset), ...c.change };
  return { chosen, r: race.advance(race.create(chosen), c.steps) };
}

const TASKS = {
  orders: (c) => c.epochs.map(philox.orders(c.n, c.seed)),
  steepest: (c) => c.matrices.map((g) => ({ value: matrix.value(g, c.norm), steepest: matrix.steepest(g, c.norm) })),
  trajectory: (c) => {
    const run = engine.create({ ...c, orders: philox.orders(c.points.length, c.seed) });
    const out = {};
    for (let t = 1; t <= Math.max(...c.record); t++) {
      engine.step(run);
      if (c.record.includes(t)) out[t] = { w: run.w, margin: engine.minMargin(run.w, run.k, run.points), value: matrix.value(run.w, run.norm) };
    }
    return out;
  },
  margin: (c) => geometry.maxMargin(geometry.signed(c.points), c.norm),
  barrier: (c) => barrier(c.points, c.k, c.norm),
  race: (c) => {
    const chosen = { ...settings.fromPreset(c.preset), ...c.change }, r = race.create(chosen);
    let least = Infinity, most = -Infinity;
    for (let t = 0; t < c.steps; t++) {
      race.advance(r, 1);
      least = Math.min(least, r.lanes[0].now.margin);
      most = Math.max(most, r.lanes[0].now.margin);
    }
    return {
      least, most, caption: caption.text(r, chosen, c.preset), answer: presets.PRESETS[c.preset].guess.answer(r),
      lanes: r.lanes.map((l) => ({ id: l.id, name: l.name, u: l.u, now: l.now, records: l.history.length })),
    };
  },
  python: (c) => {
    const { chosen, r } = ran(c);
    return { code: python(chosen, r), shown: r.lanes.map((l) => [l.name, raceView.number(l.now.margin), raceView.number(l.now[l.run.norm])]) };
  },
  csv: (c) => csv(c.text, c.centre),
  presets: () => Object.keys(presets.PRESETS).map((key) => ({ key, ...presets.PRESETS[key] })),
  hash: (c) => { const h = settings.fromHash(c.hash); return h && { ...h, again: settings.toHash(h.settings, h.t, h.preset) }; },
};

let text = '';
process.stdin.on('data', (part) => { text += part; });
process.stdin.on('end', () => {
  const answers = JSON.parse(text).map((c) => { try { return TASKS[c.task](c); } catch (e) { return { refused: e.message }; } });
  process.stdout.write(JSON.stringify(answers));
});
