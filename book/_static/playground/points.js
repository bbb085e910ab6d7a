/* The movable points of data space: pointer, touch and keyboard. Ibias.points */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, settings = Ibias.settings;
  var SVG = 'http://www.w3.org/2000/svg';
  var ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  var SHAPES = [
    '<circle r="7" fill="var(--ib-ink)" stroke="var(--ib-panel)" stroke-width="1.5"/>',
    '<rect x="-6.5" y="-6.5" width="13" height="13" fill="var(--ib-panel)" stroke="var(--ib-ink)" stroke-width="2.5"/>',
    '<path d="M0 -8.5L8 6H-8Z" fill="var(--ib-soft)" stroke="var(--ib-panel)" stroke-width="1.5"/>'
  ];
  var SIDES = [[2.5, 2], [-2.5, -2], [2, -3]]; // where a new point of each class goes

  /* host: {layer (an svg g), frame() -> data frame, points() -> array, changed(), added(focus index), selected(index)} */
  function points(host) {
    function place() {
      host.points().forEach(function (p, i) {
        var at = host.frame().to([p.x, p.y]), e = host.layer.children[i];
        e.setAttribute('transform', 'translate(' + Ibias.svg.fixed(at[0]) + ' ' + Ibias.svg.fixed(at[1]) + ')');
        e.setAttribute('aria-label', 'Point ' + (i + 1) + ' of ' + host.points().length + ', class ' + p.label + ', at ' + settings.round2(p.x) + ', ' + settings.round2(p.y) +
          '. Arrow keys move, Enter changes the class, Delete removes.');
      });
    }

    function select(index) {
      Array.prototype.forEach.call(host.layer.children, function (e, i) { e.classList.toggle('ib-selected', i === index); });
      host.selected(index);
    }

    function move(i, x, y) {
      var p = host.points()[i], reach = settings.REACH;
      p.x = settings.round2(settings.clamp(x, -reach, reach, p.x));
      p.y = settings.round2(settings.clamp(y, -reach, reach, p.y));
      place();
      host.changed();
    }

    function remove(i) {
      if (i < 0 || host.points().length <= 1) return;
      host.points().splice(i, 1);
      host.changed();
      build();
      focus(Math.min(i, host.points().length - 1));
    }

    function focus(i) { host.layer.children[i].focus({ preventScroll: true }); }

    function add(label) {
      var all = host.points(), side = SIDES[label];
      if (all.length >= settings.MOST_POINTS) return;
      all.push({ x: settings.round2(side[0] + 0.3 * (all.length % 4)), y: settings.round2(side[1] - 0.4 * (all.length % 3)), label: label });
      host.changed();
      build();
      focus(all.length - 1);
    }

    function onKey(ev, i) {
      var along = ARROWS[ev.key], p = host.points()[i], far = ev.shiftKey ? 0.5 : 0.1;
      if (along) move(i, p.x + far * along[0], p.y + far * along[1]);
      else if (ev.key === 'Enter' || ev.key === ' ') {
        p.label = (p.label + 1) % Ibias.race.classes(host.points());
        host.changed();
        build();
        focus(i);
      } else if (ev.key === 'Delete' || ev.key === 'Backspace') remove(i);
      else return;
      ev.preventDefault();
    }

    function bind(e, i) {
      var dragging = false;
      e.addEventListener('focus', function () { select(i); });
      e.addEventListener('keydown', function (ev) { onKey(ev, i); });
      e.addEventListener('pointerdown', function (ev) {
        ev.preventDefault();
        e.focus({ preventScroll: true });
        dragging = true;
        e.setPointerCapture(ev.pointerId);
      });
      e.addEventListener('pointermove', function (ev) {
        if (!dragging) return;
        var box = host.layer.ownerSVGElement.getBoundingClientRect(), at = host.frame().from(ev.clientX - box.left, ev.clientY - box.top);
        move(i, at[0], at[1]);
      });
      e.addEventListener('touchstart', function (ev) { ev.preventDefault(); }, { passive: false }); // touch-action is not honoured on SVG children everywhere
      ['pointerup', 'pointercancel'].forEach(function (kind) { e.addEventListener(kind, function () { dragging = false; }); });
    }

    function build() {
      host.layer.textContent = '';
      host.points().forEach(function (p, i) {
        var e = document.createElementNS(SVG, 'g');
        e.setAttribute('class', 'ib-point');
        e.setAttribute('tabindex', '0');
        e.setAttribute('role', 'button');
        e.setAttribute('aria-roledescription', 'movable point');
        e.innerHTML = '<circle r="20" fill="transparent"/><circle class="ib-ring" r="13"/>' + SHAPES[p.label];
        host.layer.appendChild(e);
        bind(e, i);
      });
      place();
      select(-1);
    }

    return { build: build, place: place, add: add, remove: remove };
  }

  Ibias.points = points;
})(typeof globalThis !== 'undefined' ? globalThis : this);
