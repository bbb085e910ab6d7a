/* Ibias.mountHero(element): the front page's animation. It runs once, can be stopped and replayed, and is a still picture for readers
 * who asked for less motion and in print. */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, Scene = Ibias.heroScene;
  var GROW_MS = 1800, PAUSE_MS = 400, RUN_MS = 6500;
  var WORDS = { max: ['max norm', 'SignSGD, Signum'], frobenius: ['Frobenius norm', 'N-SGD = Muon here'], sum: ['sum norm', 'one coordinate a step'] };
  var THREE = ['three classes', 'Muon and N-SGD part'];

  function percent(error) {
    return error >= 1 ? '> 100 %' : error < 0.0005 ? '0.0 %' : (100 * error).toFixed(error < 0.0995 ? 1 : 0) + ' %';
  }

  function summary(numbers) {
    return 'Three norms on the same six points. ' + numbers.panels.map(function (p) {
      return WORDS[p.norm][0] + ': the ball touches the region of margins at least 1 at (' + p.touch.map(function (v) { return v.toFixed(2); }).join(', ') + '); after ' +
        p.steps[p.steps.length - 1].toLocaleString('en') + ' steps short of the best margin by ' + p.lanes.map(function (l) { return percent(l.error[l.error.length - 1]) + ' with ' + l.name; }).join(', ');
    }).join('. ') + '.';
  }

  function panel(words, label, lanes) {
    return '<div><p class="ib-hero-title"><b>' + words[0] + '</b><small>' + words[1] + '</small></p><svg viewBox="0 0 ' + Scene.SIDE + ' ' + Scene.SIDE +
      '" role="img" aria-label="' + Ibias.svg.escape(label) + '"></svg><table aria-label="Short of the best margin, ' + words[0] + '"><tbody>' + lanes.map(function (l) {
        return '<tr style="color:' + l.color + '"><th scope="row">' + l.text + '</th><td></td></tr>';
      }).join('') + '</tbody></table></div>';
  }

  function threeSummary(three) {
    return 'Three classes, full batch: after ' + three.steps[three.steps.length - 1].toLocaleString('en') + ' steps the rows of W lie elsewhere for ' + three.lanes.map(function (l) {
      return l.name + ' (' + l.at[l.at.length - 1].map(function (r) { return r.map(function (v) { return v.toFixed(2); }).join(', '); }).join('; ') + ')';
    }).join(' and for ') + '.';
  }

  function layout(numbers) {
    return '<div class="ib-hero-panels">' + numbers.panels.map(function (p, i) {
      return panel(WORDS[p.norm], i ? WORDS[p.norm][0] : summary(numbers), Scene.lanes(p).reverse().map(function (l) { return Scene.LOOKS[l.name]; }));
    }).join('') + panel(THREE, threeSummary(numbers.three), numbers.three.lanes.map(function (l) { return { text: l.name, color: 'var(--ib-' + l.norm + ')' }; })) +
      '</div><div class="ib-row"><button type="button" data-ref="again">Replay</button><span class="ib-hero-clock">Percentages: how far short of the best margin, after <span data-ref="step">0</span> steps</span></div>';
  }

  function mount(element, numbers) {
    var calm = root.matchMedia('(prefers-reduced-motion: reduce)'), began = 0, asked = 0, elapsed = 0, end = GROW_MS + PAUSE_MS + RUN_MS;
    element.classList.add('ib-figure', 'ib-hero');
    element.innerHTML = layout(numbers);
    var drawings = element.querySelectorAll('svg'), cells = Array.prototype.map.call(element.querySelectorAll('tbody'), function (body) { return body.querySelectorAll('td'); }), again = element.querySelector('[data-ref=again]'), clock = element.querySelector('[data-ref=step]');

    function draw(ms) {
      var grow = Math.min(1, ms / GROW_MS), grown = 1 - Math.pow(1 - grow, 2), share = Math.max(0, Math.min(1, (ms - GROW_MS - PAUSE_MS) / RUN_MS));
      numbers.panels.forEach(function (p, i) {
        drawings[i].innerHTML = Scene.scene(numbers.points, p, grow >= 1 ? 1 : grown, share);
        Scene.lanes(p).reverse().forEach(function (l, j) { cells[i][j].textContent = share > 0 ? percent(Scene.errorAt(p, l, share)) : '–'; });
      });
      drawings[numbers.panels.length].innerHTML = Scene.rows(numbers.three, share);
      numbers.three.lanes.forEach(function (l, j) { cells[numbers.panels.length][j].textContent = share > 0 ? percent(Scene.errorAt(numbers.three, l, share)) : '–'; });
      var steps = numbers.panels[0].steps;
      clock.textContent = share > 0 ? steps[Math.round(share * (steps.length - 1))].toLocaleString('en') : '0';
      again.textContent = asked ? 'Stop' : ms < end ? 'Go on' : 'Replay';
    }
    function tick(now) {
      elapsed = Math.min(end, Math.max(0, now - began));
      asked = elapsed < end ? requestAnimationFrame(tick) : 0;
      draw(elapsed);
    }
    function run(from) {
      began = performance.now() - from;
      asked = requestAnimationFrame(tick);
    }
    function still() {
      cancelAnimationFrame(asked);
      asked = 0;
      elapsed = end;
      draw(end);
    }

    again.addEventListener('click', function () {
      if (!asked) { run(elapsed < end ? elapsed : 0); return; }
      cancelAnimationFrame(asked);
      asked = 0;
      draw(elapsed);
    });
    root.addEventListener('beforeprint', still);
    if (calm.matches) still(); else run(0);
  }

  Ibias.mountHero = mount;
  if (root.document) {
    document.addEventListener('DOMContentLoaded', function () {
      document.querySelectorAll('[data-ibias="hero"]').forEach(function (e) { mount(e, Ibias.heroNumbers); });
    });
  }
})(typeof globalThis !== 'undefined' ? globalThis : this);
