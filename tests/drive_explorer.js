/* node tests/drive_explorer.js numbers.js < cases.json: the explorer's page without a page, for test_explorer.py */
'use strict';
const path = require('path');
['common/svg', 'common/axes', 'explorer/decode', 'explorer/state', 'explorer/view'].forEach((name) => require(path.join(__dirname, '..', 'book', '_static', name + '.js')));
require(path.resolve(process.argv[2]));
const { explorerData, explorerState, explorerView, explorerNumbers } = globalThis.Ibias;
const data = explorerData(explorerNumbers);

let text = '';
process.stdin.on('data', (part) => { text += part; });
process.stdin.on('end', () => {
  process.stdout.write(JSON.stringify(JSON.parse(text).map((hash) => {
    const state = explorerState.fromHash(data, hash);
    return state && {
      state, curve: data.curve(state), promise: data.promise(state), again: explorerState.toHash(state),
      sentence: explorerView.sentence(data, state), family: explorerState.family(data, state).map((m) => m.label),
    };
  })));
});
