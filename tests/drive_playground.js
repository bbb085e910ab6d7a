/* node tests/drive_playground.js < cases.json: runs the page's own engine without a page, for test_playground.py */
'use strict';
const path = require('path');
const FILES = ['common/svg', 'common/axes', 'playground/philox', 'playground/geometry', 'playground/engine', 'playground/settings', 'playground/race', 'playground/caption'];
FILES.forEach((name) => require(path.join(__dirname, '..', 'book', '_static', name + '.js')));
const { philox, geometry, engine, settings, race, caption } = globalThis.Ibias;

const TASKS = {
  orders: (c) => c.epochs.map(philox.orders(c.n, c.seed)),
  trajectory: (c) => {
    const run = engine.create({ ...c, z: geometry.signed(c.points), orders: philox.orders(c.points.length, c.seed) });
    const out = {};
    for (let t = 1; t <= Math.max(...c.record); t++) {
      engine.step(run);
      if (c.record.includes(t)) out[t] = { u: run.u, error: geometry.relativeError(run.u, geometry.minMargin(run.u, run.z), c.norm, c.best), margin: geometry.minMargin(run.u, run.z) };
    }
    return out;
  },
  margin: (c) => geometry.maxMargin(geometry.signed(c.points), c.norm),
  race: (c) => {
    const chosen = { ...settings.fromPreset(c.preset), ...c.change }, r = race.create(chosen);
    let least = Infinity, most = -Infinity;
    for (let t = 0; t < c.steps; t++) {
      race.advance(r, 1);
      least = Math.min(least, r.lanes[0].now.margin);
      most = Math.max(most, r.lanes[0].now.margin);
    }
    return { least, most, caption: caption.text(r, chosen, c.preset), lanes: r.lanes.map((l) => ({ id: l.id, name: l.name, u: l.run.u, now: l.now })) };
  },
  hash: (c) => { const h = settings.fromHash(c.hash); return h && { ...h, again: settings.toHash(h.settings, h.t) }; },
};

let text = '';
process.stdin.on('data', (part) => { text += part; });
process.stdin.on('end', () => {
  const answers = JSON.parse(text).map((c) => { try { return TASKS[c.task](c); } catch (e) { return { refused: e.message }; } });
  process.stdout.write(JSON.stringify(answers));
});
