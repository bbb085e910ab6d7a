/* A reader's own points from comma-separated text. Ibias.csv */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, settings = Ibias.settings;
  var WANTED = 'lines of two numbers and a class, such as 1.5,-0.3,spam';

  function refuse(sentence) { return { refused: sentence }; }

  /* rows of cells; a first line without numbers is a header */
  function rows(text) {
    var all = String(text).split(/\r?\n/).map(function (line, i) {
      return { number: i + 1, cells: line.split(/[,;\t]/).map(function (c) { return c.trim().replace(/^"(.*)"$/, '$1'); }) };
    }).filter(function (row) { return row.cells.join('') !== ''; });
    var head = all.length && all[0].cells.slice(0, 2).every(function (c) { return c === '' || !Number.isFinite(Number(c)); });
    return head ? all.slice(1) : all;
  }

  /* text -> {points, said (what was done to them)} or {refused (a sentence)} */
  function parse(text, centre) {
    var all = rows(text), labels = [];
    if (all.length < 2) return refuse('There ' + (all.length ? 'is one sample' : 'are no samples') + ' here; give at least two ' + WANTED + '.');
    if (all.length > settings.MOST_POINTS) return refuse('There are ' + all.length + ' samples; at most ' + settings.MOST_POINTS + ' fit here. The Python package takes any number.');
    var wrong = all.filter(function (r) { return r.cells.length !== 3; })[0];
    if (wrong) return refuse('Line ' + wrong.number + ' has ' + wrong.cells.length + (wrong.cells.length === 1 ? ' column' : ' columns') + '; give ' + WANTED + '.');
    wrong = all.filter(function (r) { return r.cells[0] === '' || r.cells[1] === '' || !Number.isFinite(+r.cells[0]) || !Number.isFinite(+r.cells[1]); })[0];
    if (wrong) return refuse('Line ' + wrong.number + ' has “' + wrong.cells[0] + '” and “' + wrong.cells[1] + '” where two finite numbers belong; give ' + WANTED + '.');
    all.forEach(function (r) { if (labels.indexOf(r.cells[2]) < 0) labels.push(r.cells[2]); });
    if (labels.length < 2 || labels.length > 3) return refuse('The third column names ' + labels.length + (labels.length === 1 ? ' class' : ' classes') + '; two or three can be drawn here.');
    return placed(all, labels.sort(), centre);
  }

  function placed(all, labels, centre) {
    var points = all.map(function (r) { return { x: +r.cells[0], y: +r.cells[1], label: labels.indexOf(r.cells[2]) }; }), said = [];
    if (centre) {
      var mean = ['x', 'y'].map(function (k) { return points.reduce(function (sum, p) { return sum + p[k]; }, 0) / points.length; });
      points.forEach(function (p) { p.x -= mean[0]; p.y -= mean[1]; });
      said.push('moved so that their mean is the origin');
    }
    var far = points.reduce(function (m, p) { return Math.max(m, Math.abs(p.x), Math.abs(p.y)); }, 0);
    if (!(far > 0)) return refuse('All samples lie at the origin; no line tells them apart.');
    // too large to be seen, or too small to be told apart after rounding
    if (far > settings.REACH || far < 1) {
      var factor = 0.95 * settings.REACH / far;
      points.forEach(function (p) { p.x *= factor; p.y *= factor; });
      said.push('scaled by ' + factor.toPrecision(3));
    }
    points.forEach(function (p) { p.x = settings.round2(p.x); p.y = settings.round2(p.y); });
    said.push('rounded to two decimals');
    return { points: points, said: points.length + ' points, classes ' + labels.join(', ') + '; ' + said.join(', ') + '. They stay on this page.' };
  }

  Ibias.csv = parse;
})(typeof globalThis !== 'undefined' ? globalThis : this);
