/* node tests/drive_explorer.js numbers.js < cases.json: the explorer's page without a page, for test_explorer.py */
'use strict';
const path = require('path');
['common/svg', 'common/axes', 'explorer/decode', 'explorer/state', 'explorer/chart', 'explorer/words'].forEach((name) => require(path.join(__dirname, '..', 'book', '_static', name + '.js')));
require(path.resolve(process.argv[2]));
const { explorerData, explorerState, explorerChart, explorerWords, explorerNumbers } = globalThis.Ibias;
const data = explorerData(explorerNumbers);

let text = '';
process.stdin.on('data', (part) => { text += part; });
process.stdin.on('end', () => {
  process.stdout.write(JSON.stringify(JSON.parse(text).map((hash) => {
    const state = explorerState.fromHash(data, hash);
    return state && {
      state, again: explorerState.toHash(state), curve: data.curve(state.set, state.recipes[0]), promise: data.promise(state.set, state.recipes[0]),
      reached: explorerWords.reached(data, state, state.recipes[0]), promised: explorerWords.promised(data, state, state.recipes[0]),
      family: explorerState.family(data, state).map((m) => m.label),
      axis: explorerChart.error(500, 366, data, state, explorerChart.lines(data, state)).text.match(/text-anchor="end">[^<]*</g),
    };
  })));
});
