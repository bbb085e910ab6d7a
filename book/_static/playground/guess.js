/* The reader guesses first; the run answers. Ibias.guess */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {};
  var HORIZON = 2000; // the step at which the run has answered

  /* stage as in screen.js; ref.guess holds the question; chosen() is called once the reader has guessed */
  function guess(stage, ref, chosen) {
    var asked = '', mine = -1, told = '';

    function question() { return stage.preset ? Ibias.presets.PRESETS[stage.preset].guess : null; }

    function answered() { return stage.race.t >= HORIZON; }

    function choose(i) {
      mine = i;
      show();
      if (!answered()) chosen();
    }

    function build(q) {
      ref.guess.innerHTML = '<span class="ib-ask">' + q.ask + '</span>' + q.options.map(function (text, i) {
        return '<button type="button" aria-pressed="false" data-guess="' + i + '">' + text + '</button>';
      }).join('') + '<span class="ib-answer" role="status"></span>';
      ref.guess.querySelectorAll('button').forEach(function (b, i) { b.addEventListener('click', function () { choose(i); }); });
    }

    function verdict(q) {
      if (!answered()) return mine < 0 ? '' : 'You said: ' + q.options[mine] + '. Watch.';
      var found = q.options[q.answer(stage.race)];
      if (mine < 0) return 'After ' + HORIZON.toLocaleString('en') + ' steps: ' + found + '.';
      return found === q.options[mine] ? 'Right: ' + found + '.' : 'You said: ' + q.options[mine] + '. It is: ' + found + '.';
    }

    /* the question of the preset, or nothing where points or recipe are the reader's own */
    function show() {
      var q = question();
      ref.guess.classList.toggle('ib-blank', !q);
      if (!q) { asked = ''; ref.guess.textContent = ''; return; }
      if (asked !== stage.preset) { asked = stage.preset; mine = -1; told = ''; build(q); }
      ref.guess.querySelectorAll('button').forEach(function (b, i) { b.setAttribute('aria-pressed', String(i === mine)); });
      var text = verdict(q);
      if (text !== told) ref.guess.querySelector('.ib-answer').textContent = told = text;
    }

    return {
      show: show, HORIZON: HORIZON,
      forget: function () { asked = ''; },
      /* norms whose best lines are lettered, while the answer is open */
      lines: function () { var q = question(); return q && q.lines && !answered() ? q.lines : null; }
    };
  }

  Ibias.guess = guess;
})(typeof globalThis !== 'undefined' ? globalThis : this);
