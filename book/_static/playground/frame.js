/* A square piece of the plane on the screen: coordinates, grid, arrows, labels that keep apart. Ibias.frame */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, svg = Ibias.svg;
  var LINE = 15, LETTER = 6.6; // of a label, in pixels

  /* {to, from, half}: between the plane and the pixels of a w x h box whose half-width is `half` */
  function frame(w, h, half) {
    var k = w / (2 * half);
    return {
      half: half, width: w, height: h,
      to: function (p) { return [w / 2 + k * p[0], h / 2 - k * p[1]]; },
      from: function (x, y) { return [(x - w / 2) / k, (h / 2 - y) / k]; }
    };
  }

  function grid(f, step) {
    var out = '', count = Math.floor(f.half / step);
    for (var i = -count; i <= count; i++) {
      var v = i * step, cls = i === 0 ? 'ib-axis' : 'ib-grid';
      out += '<path class="' + cls + '" d="' + svg.path([f.to([v, -f.half]), f.to([v, f.half]), null, f.to([-f.half, v]), f.to([f.half, v])]) + '"/>';
    }
    return out;
  }

  function stroke(look, width) {
    return 'fill="none" stroke="' + look.color + '" stroke-width="' + width + '"' + (look.dash ? ' stroke-dasharray="' + look.dash + '"' : '');
  }

  /* from, tip in pixels; nothing where they are close */
  function arrow(from, tip, look, width) {
    var x = tip[0] - from[0], y = tip[1] - from[1], length = Math.hypot(x, y), ux = x / length, uy = y / length;
    if (!(length > 12)) return '';
    var head = [[tip[0], tip[1]], [tip[0] - 11 * ux - 4.5 * uy, tip[1] - 11 * uy + 4.5 * ux], [tip[0] - 11 * ux + 4.5 * uy, tip[1] - 11 * uy - 4.5 * ux]];
    return '<path d="' + svg.path([from, [tip[0] - 8 * ux, tip[1] - 8 * uy]]) + '" ' + stroke(look, width || 2.6) + '/><polygon points="' + svg.corners(head) + '" fill="' + look.color + '"/>';
  }

  /* labels: [{x, y, text, color}] beside points, moved up or down until none covers another, and into the box */
  function labels(f, all) {
    var set = [];
    all.forEach(function (l) {
      var w = l.text.length * LETTER, x = Math.max(4, Math.min(f.width - w - 4, l.x)), y = Math.max(LINE, Math.min(f.height - 6, l.y));
      for (var tries = 0; tries < 12; tries++) {
        var hit = set.filter(function (s) { return Math.abs(s.y - y) < LINE && x < s.x + s.w + 4 && s.x < x + w + 4; })[0];
        if (!hit) break;
        y = hit.y + (y >= hit.y && hit.y + LINE < f.height - 6 ? LINE : -LINE);
      }
      set.push({ x: x, y: y, w: w, text: l.text, color: l.color });
    });
    return set.map(function (s) {
      return '<text class="ib-halo" x="' + svg.fixed(s.x) + '" y="' + svg.fixed(s.y) + '"' + (s.color ? ' style="fill:' + s.color + '"' : '') + '>' + svg.escape(s.text) + '</text>';
    }).join('');
  }

  Ibias.frame = { create: frame, grid: grid, stroke: stroke, arrow: arrow, labels: labels };
})(typeof globalThis !== 'undefined' ? globalThis : this);
