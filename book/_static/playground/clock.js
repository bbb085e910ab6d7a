/* What moves by itself: the running race and the growing ball, in steps where the reader asked for less motion. Ibias.clock */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {};
  var PACE = [0.3, 0.6, 1, 2, 5];      // of the five speeds
  var STILL_MS = 600;                  // with reduced motion: time between two pictures
  var GROW_MS = 1400;
  var WORK_MS = 6;                     // of a picture's 16 ms for steps, the rest for drawing
  var CHUNK = 20;                      // steps between two looks at the clock

  /* steps until `target` or until the time is used up */
  function work(race, target) {
    var from = performance.now();
    while (race.t < target && performance.now() - from < WORK_MS) Ibias.race.advance(race, Math.min(CHUNK, target - race.t));
  }

  /* stage as in screen.js, with speed and until (a step to stop at); screen draws it; stop() ends the race */
  function clock(stage, screen, stop) {
    var calm = root.matchMedia('(prefers-reduced-motion: reduce)'), asked = 0, growing = 0, catching = 0, owed = 0, last = 0;

    /* updates due now: a steady pace on the logarithmic axis */
    function due(now) {
      var elapsed = Math.min(100, Math.max(0, now - last)), count;
      if (calm.matches) {
        if (now - last <= STILL_MS) return 0;
        last = now;
        return Math.max(1, Math.ceil(stage.race.t * 0.25 * stage.speed));
      }
      last = now;
      owed += elapsed / 1000 * (2 + stage.race.t * 0.35) * PACE[stage.speed - 1] * 1.5;
      count = Math.floor(owed);
      owed -= count;
      return count;
    }

    function tick(now) {
      asked = 0;
      if (!stage.playing) return;
      var count = due(now);
      if (count) {
        work(stage.race, Math.min(stage.race.t + count, stage.until));
        if (stage.race.t >= stage.until) { stop(); return; }
        screen.moving();
      }
      asked = requestAnimationFrame(tick);
    }

    function start() {
      last = performance.now();
      owed = 0;
      if (!asked) asked = requestAnimationFrame(tick);
    }

    /* run on to a step as fast as pictures allow; done() once it is there */
    function reach(target, done) {
      cancelAnimationFrame(catching);
      (function next() {
        work(stage.race, target);
        done();
        if (stage.race.t < target) catching = requestAnimationFrame(next);
      })();
    }

    /* shown(share) is told how far the ball has come, then() that it has touched */
    function grow(shown, then) {
      var from = performance.now();
      cancelAnimationFrame(growing);
      (function next() {
        var u = calm.matches ? 1 : Math.min(1, Math.max(0, (performance.now() - from) / GROW_MS));
        shown(1 - Math.pow(1 - u, 2));
        if (u < 1) growing = requestAnimationFrame(next);
        else if (then) then();
      })();
    }

    return { start: start, reach: reach, grow: grow, calm: function () { return calm.matches; }, hold: function () { cancelAnimationFrame(growing); cancelAnimationFrame(catching); } };
  }

  Ibias.clock = clock;
})(typeof globalThis !== 'undefined' ? globalThis : this);
