/* The playground's HTML. Parts are found by data-ref, so that a page can hold several. Ibias.layout */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {};

  function button(ref, text, extra) { return '<button type="button" data-ref="' + ref + '"' + (extra || '') + '>' + text + '</button>'; }
  function radio(name, value, text) { return '<label><input type="radio" name="' + name + '" value="' + value + '"> <span>' + text + '</span></label>'; }
  function knob(ref, text, lo, hi, step) {
    return '<label><span>' + text + '</span> <input type="range" data-ref="' + ref + '" min="' + lo + '" max="' + hi + '" step="' + step + '"><output data-ref="' + ref + '-out"></output></label>';
  }
  function lane(id, text, style) {
    return '<label><input type="checkbox" data-lane="' + id + '"> <span>' + text + '</span> <span class="ib-swatch" style="border-top:3px ' + style + ' var(--ib-' + id + ')"></span></label>';
  }

  function transport() {
    return '<div class="ib-row ib-transport" role="group" aria-label="Run">' + button('play', 'Play', ' class="ib-primary"') + button('step', 'Step') + button('reset', 'Reset') +
      '<span class="ib-clock" data-ref="clock">step 0</span><label class="ib-inline">Speed <input type="range" data-ref="speed" min="1" max="5" step="1" value="3"></label></div>';
  }

  function panels() {
    return '<div class="ib-panels"><div class="ib-panel"><p class="ib-title"><b>Data space.</b> Drag the points. Solid: decision lines now. Dashed: best possible.</p>' +
      '<svg data-ref="data" role="group" aria-label="Data space with movable points"></svg><div class="ib-row">' +
      button('add0', 'Add ● class 0') + button('add1', 'Add □ class 1') + button('remove', 'Remove selected', ' disabled') + '</div></div>' +
      '<div class="ib-panel"><p class="ib-title"><b>Weight space.</b> Shaded: all margins at least 1. The norm’s ball grows until it first touches. Arrows: directions of the optimizers.</p>' +
      '<svg data-ref="weights" role="img" aria-label="Weight space"></svg><div class="ib-row">' + button('grow', 'Grow the ball') +
      '<label class="ib-inline">Radius <input type="range" data-ref="radius" min="0" max="100" step="1" value="100"></label></div></div></div>' +
      '<div class="ib-wide"><p class="ib-racetitle"><b>Margin race.</b> Relative error 1 − margin ÷ best margin, against steps. Lower is better; above the line at 1 some point is on the wrong side. Bands show oscillations.</p>' +
      '<p class="ib-row ib-legend" data-ref="legend"></p><div class="ib-races" data-ref="races"></div></div>';
  }

  function controls(uid) {
    return '<form aria-label="Settings">' +
      '<fieldset><legend>Compare</legend>' + radio(uid + 'mode', 'recipes', 'recipes, in one norm') + radio(uid + 'mode', 'norms', 'three norms, with one recipe') + '</fieldset>' +
      '<fieldset><legend data-ref="normtitle">Norm</legend>' + radio(uid + 'norm', 'max', 'max <small>SignSGD, Signum</small>') +
      radio(uid + 'norm', 'frobenius', 'Frobenius = spectral here <small>N-SGD, Muon</small>') + radio(uid + 'norm', 'sum', 'sum <small>one coordinate a step</small>') + '</fieldset>' +
      '<fieldset data-ref="lanes"><legend>In the race</legend>' + lane('full', 'full batch', 'solid') + lane('mini', 'mini-batch', 'dashed') +
      lane('momentum', 'mini-batch + momentum', 'dotted') + lane('vr', 'mini-batch + variance reduction (VR)', 'dashed') + lane('both', 'mini-batch + both', 'dashed') + '</fieldset>' +
      '<fieldset data-ref="recipe"><legend>Recipe of all three</legend><label><input type="checkbox" data-ref="momentum"> <span>momentum</span></label>' +
      '<label><input type="checkbox" data-ref="vr"> <span>variance reduction (VR)</span></label></fieldset>' +
      '<fieldset class="ib-knobs"><legend>Knobs</legend><div><label><span>Batch size <i>b</i></span> <select data-ref="batch"></select></label>' +
      knob('beta', 'Momentum <i>β</i>', 0, 0.99, 0.01) + knob('a', 'Step exponent <i>a</i>', 0.05, 1, 0.05) + knob('eta', 'First step <i>η</i>₀', 0.05, 1, 0.05) +
      '<label><span>Shuffle seed</span> <input type="number" data-ref="seed" min="0" max="9999" step="1"></label></div></fieldset></form>';
  }

  function layout(uid, presets) {
    return '<div class="ib-row" role="group" aria-label="Presets">' + Object.keys(presets).map(function (key) {
      return '<button type="button" data-preset-key="' + key + '">' + presets[key].title + '</button>';
    }).join('') + '</div><p class="ib-caption" data-ref="caption"></p><p class="ib-unseen" aria-live="polite" data-ref="live"></p>' + transport() + panels() + controls(uid) +
      '<details data-ref="numbers"><summary>The numbers</summary><div class="ib-scroll" tabindex="0" role="region" aria-label="Table of the race"><table data-ref="table"></table></div></details>' +
      '<details><summary>How to read this, and the keyboard</summary><p>Step <i>t</i> has length <i>η</i>₀ (<i>t</i> + 1)<sup>−<i>a</i></sup> in the optimizer’s own norm, from <i>W</i> = 0. ' +
      'Weight space is the plane of <i>u</i> = <i>w</i>₀ − <i>w</i>₁, the only combination of the two rows of <i>W</i> that classifies. Arrows show directions: each is stretched to its ball, and its trail runs outwards with the logarithm of time. ' +
      'With the keyboard: Tab to a point, arrow keys move it (Shift for large moves), Enter swaps its class, Delete removes it. ' +
      'The numbers equal those of the Python package, shuffles included.</p></details>' +
      '<p class="ib-row">' + button('share', 'Copy a link to this view') + '</p>';
  }

  Ibias.layout = layout;
})(typeof globalThis !== 'undefined' ? globalThis : this);
