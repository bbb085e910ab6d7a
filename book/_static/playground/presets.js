/* The stories of the playground, in the order of the paper, and what each lets the reader guess. Ibias.presets */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, geometry = Ibias.geometry;
  var CLOUD = '1.6,0.7,0;-1.5,-2.3,1;2.4,0.4,0;-3,-0.2,1;2.6,0.1,0;-3.9,1.55,1;3.6,-1.25,0;-4.3,1.1,1';
  var THREE = '3.3,1.1,0;3.4,-1.1,0;-0.5,0,1;-0.7,1.6,1;-2,-1.8,2;0.4,-3.1,2';
  var LINES = ['sum', 'max', 'frobenius']; // lines A, B, C of the first guess
  var REACHED = 0.05;                      // relative error that counts as having come close

  function lane(race, id) { return race.lanes.filter(function (l) { return l.id === id; })[0]; }
  /* how far a lane is from the best of its own norm; 1 before it has a margin */
  function short(race, id) {
    var l = lane(race, id), e = l && l.now ? l.now[l.run.norm] : null;
    return e === null ? 1 : e;
  }
  function close(race, id) { return short(race, id) < REACHED; }

  /* title: the button; question: the sentence before the first step; guess: {ask, options, answer(race) -> which of them it was} */
  var PRESETS = {
    norms: {
      title: '1 Three norms', chapter: '4.1', points: CLOUD, mode: 'norms', b: 8,
      question: 'The full batch. Same data, three norms: each ball touches the shaded region somewhere else.',
      guess: {
        ask: 'Which dashed line will sign descent choose?', options: ['line A', 'line B', 'line C'], lines: LINES,
        answer: function (race) {
          var u = lane(race, 'max').u, angles = LINES.map(function (n) { return geometry.angle(u, race.best[n].touch); });
          return angles.indexOf(Math.min.apply(null, angles));
        }
      }
    },
    momentum: {
      title: '2 Momentum', chapter: '4.2', points: CLOUD, b: 2, lanes: 'full,mini,momentum',
      question: 'One norm, one start, the same shuffles. Two samples a step, with and without momentum.',
      guess: {
        ask: 'Which of the mini-batch runs comes close to the full batch?', options: ['both', 'only with momentum', 'neither'],
        answer: function (race) { return close(race, 'mini') ? 0 : close(race, 'momentum') ? 1 : 2; }
      }
    },
    variance: {
      title: '3 Variance reduction', chapter: '4.3', points: CLOUD, b: 1, lanes: 'full,mini,vr',
      question: 'Single samples now. Variance reduction corrects each by what it said at the start of the epoch.',
      guess: {
        ask: 'How close does it come, one sample a step?', options: ['as close as the full batch', 'half way', 'no closer than without it'],
        answer: function (race) { return close(race, 'vr') ? 0 : short(race, 'vr') < short(race, 'mini') / 2 ? 1 : 2; }
      }
    },
    average: {
      title: '4 Counting heads', chapter: '4.4', points: '2.5,0,0;3.1,0,0;3.7,0,0;0,-1,1', norm: 'frobenius', lanes: 'full,mini,vr',
      question: 'Three long samples on one axis, a single short one on the other; single samples, normalised steps.',
      guess: {
        ask: 'Where does plain N-SGD end?', options: ['at the touching point', 'at the cross, counting samples'],
        answer: function (race) {
          var u = lane(race, 'mini').u, cross = Ibias.engine.sampleAverage(race.z, 'frobenius');
          return geometry.angle(u, race.best.frobenius.touch) < geometry.angle(u, cross) ? 0 : 1;
        }
      }
    },
    stuck: {
      title: '5 Stuck for ever', chapter: 'V', points: '2,-1,0;1,-2,1', lanes: 'mini,momentum,vr',
      question: 'Proposition V.1: one sample a step, and the two samples ask for exactly opposite signs.',
      guess: {
        ask: 'What frees SignSGD from the line through (1, −1)?', options: ['nothing', 'momentum only', 'variance reduction only', 'either of them'],
        answer: function (race) { return (close(race, 'momentum') ? 1 : 0) + (close(race, 'vr') ? 2 : 0); }
      }
    },
    three: {
      title: '+ Three classes', chapter: '4.4', points: THREE, mode: 'norms', norm: 'spectral', b: 6, momentum: 1,
      question: 'With two classes Muon takes the steps of normalised SGD. With three, W has two singular values, and Muon makes both count.',
      guess: {
        ask: 'Will Muon and normalised SGD draw the same borders?', options: ['the same', 'different ones'],
        answer: function (race) { return Ibias.regions.apart(lane(race, 'frobenius').run.w, lane(race, 'spectral').run.w) < 1 ? 0 : 1; }
      }
    }
  };

  Ibias.presets = { PRESETS: PRESETS, CLOUD: CLOUD };
})(typeof globalThis !== 'undefined' ? globalThis : this);
