/* Data space as SVG text: decision lines, the best of them, the batch of the last step. Ibias.dataView */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, svg = Ibias.svg, Frame = Ibias.frame;
  var FAR = 9;

  function create(w, h) { return Frame.create(w, h, Ibias.settings.REACH + 0.3); }

  /* the border of w: a line of two classes, rays of three */
  function border(f, w, attributes) {
    var rays = Ibias.regions.borders(w);
    if (!rays.length) return '';
    return '<path d="' + rays.map(function (r) { return svg.path([f.to([0, 0]), f.to([FAR * r.d[0], FAR * r.d[1]])]); }).join('') + '" ' + attributes + '/>';
  }

  function matrixOf(best) { return best.weights || [best.touch[0] / 2, best.touch[1] / 2, -best.touch[0] / 2, -best.touch[1] / 2]; }

  /* dashed: the best border of every norm in the race; while the reader guesses they are grey and lettered */
  function bests(f, race, s, lines) {
    var norms = s.mode === 'norms' ? race.lanes.map(function (l) { return [l.run.norm, l.color]; }) : [[s.norm, 'var(--ib-ink)']], out = '', letters = [];
    norms.forEach(function (n) {
      if (!race.best[n[0]].separable) return;
      var w = matrixOf(race.best[n[0]]);
      out += border(f, w, 'fill="none" stroke="' + (lines ? 'var(--ib-soft)' : n[1]) + '" stroke-width="1.6" stroke-dasharray="5 6"');
      if (!lines || lines.indexOf(n[0]) < 0) return;
      var at = f.to(outer(Ibias.regions.borders(w)[0].d, f.half * 0.93));
      letters.push({ x: at[0] + 5, y: at[1] + 4, text: 'ABC'[lines.indexOf(n[0])] });
    });
    return out + Frame.labels(f, letters);
  }

  /* along d to the edge of the square, upwards */
  function outer(d, half) {
    var k = half / Math.max(Math.abs(d[0]), Math.abs(d[1])) * (d[1] < 0 ? -1 : 1);
    return [k * d[0], k * d[1]];
  }

  /* rings round the samples of the last step of the lane that is talked about */
  function batch(f, race, lead) {
    return lead.run.rows.map(function (i) {
      var p = race.points[i], at = f.to([p.x, p.y]);
      return '<circle class="ib-batch" cx="' + svg.fixed(at[0]) + '" cy="' + svg.fixed(at[1]) + '" r="12" fill="none" stroke="' + lead.color + '" stroke-width="3"/>';
    }).join('');
  }

  /* slow: steps can be told apart, so the batch is drawn; lines: norms whose best lines are lettered for a guess */
  function draw(f, race, s, slow, lines) {
    var out = bests(f, race, s, lines);
    race.lanes.forEach(function (l) { out += border(f, l.run.w, 'fill="none" stroke="' + l.color + '" stroke-width="2.4" opacity=".9"'); });
    return slow && race.t > 0 ? out + batch(f, race, Ibias.caption.lead(race, s)) : out;
  }

  Ibias.dataView = { create: create, grid: function (f) { return Frame.grid(f, 1); }, draw: draw };
})(typeof globalThis !== 'undefined' ? globalThis : this);
