/* The playground's HTML. Parts are found by data-ref, so that a page can hold several. Ibias.layout */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {};

  function button(ref, text, extra) { return '<button type="button" data-ref="' + ref + '"' + (extra || '') + '>' + text + '</button>'; }
  function choice(ref, text, options) {
    return '<label class="ib-choice"><span>' + text + '</span><select data-ref="' + ref + '">' + options.map(function (o) { return '<option value="' + o[0] + '">' + o[1] + '</option>'; }).join('') + '</select></label>';
  }
  function knob(ref, text, lo, hi, step) {
    return '<label><span>' + text + '</span> <input type="range" data-ref="' + ref + '" min="' + lo + '" max="' + hi + '" step="' + step + '"><output data-ref="' + ref + '-out"></output></label>';
  }
  function lane(id, text, style) {
    return '<label><input type="checkbox" data-lane="' + id + '"> <span>' + text + '</span> <span class="ib-swatch" style="border-top:3px ' + style + ' var(--ib-' + id + ')"></span></label>';
  }

  function stories(presets) {
    return '<div class="ib-row ib-stories" role="group" aria-label="Stories">' + Object.keys(presets).map(function (key) {
      return '<button type="button" data-preset-key="' + key + '">' + presets[key].title + '</button>';
    }).join('') + '</div>';
  }

  function head(compact) {
    return '<p class="ib-caption" data-ref="caption"><b data-ref="phase"></b> <span data-ref="sentence"></span></p><p class="ib-unseen" aria-live="polite" data-ref="live"></p>' +
      '<div class="ib-row ib-guess" role="group" aria-label="Your guess" data-ref="guess"></div>' +
      '<div class="ib-row ib-transport" role="group" aria-label="Run">' + button('play', 'Play', ' class="ib-primary"') + button('step', 'Step') + button('reset', 'Reset') +
      '<span class="ib-clock" data-ref="clock">step 0</span><label class="ib-inline">Speed <input type="range" data-ref="speed" min="1" max="5" step="1" value="3"></label>' +
      (compact ? '' : button('share', 'Copy a link')) + '</div>';
  }

  function panels() {
    return '<div class="ib-panel ib-data"><p class="ib-title"><b>Data space.</b> <span class="ib-more">Drag the points. Solid: now. Dashed: best possible. Rings: the last batch.</span></p>' +
      '<svg data-ref="data" role="group" aria-label="Data space with movable points"></svg><div class="ib-row">' +
      button('add0', 'Add ●') + button('add1', 'Add □') + button('add2', 'Add ▲') + button('remove', 'Remove', ' disabled') + '</div></div>' +
      '<div class="ib-panel ib-weights"><p class="ib-title" data-ref="weighttitle"></p>' +
      '<svg data-ref="weights" role="img" aria-label="Weight space"></svg><div class="ib-row" data-ref="ballrow">' + button('grow', 'Grow the ball') +
      '<label class="ib-inline">Radius <input type="range" data-ref="radius" min="0" max="100" step="1" value="100"></label></div></div>';
  }

  function controls() {
    return '<form aria-label="Settings">' + choice('mode', 'Compare', [['recipes', 'recipes'], ['norms', 'three norms']]) +
      '<label class="ib-choice"><span data-ref="normtitle">Norm</span><select data-ref="norm"></select></label>' +
      '<fieldset data-ref="lanes"><legend>In the race</legend>' + lane('full', 'full batch', 'solid') + lane('mini', 'mini-batch', 'dashed') +
      lane('momentum', '+ momentum', 'dotted') + lane('vr', '+ variance reduction', 'dashed') + lane('both', '+ both', 'dashed') + '</fieldset>' +
      '<fieldset data-ref="recipe"><legend>Recipe of all three</legend><label><input type="checkbox" data-ref="momentum"> <span>momentum</span></label>' +
      '<label><input type="checkbox" data-ref="vr"> <span>variance reduction</span></label></fieldset>' +
      '<div class="ib-knobs">' + choice('batch', 'Batch size <i>b</i>', []) +
      knob('beta', 'Momentum <i>β</i>', 0, 0.99, 0.01) + knob('a', 'Exponent <i>a</i>', 0.05, 1, 0.05) + knob('eta', 'First step <i>η</i>₀', 0.05, 1, 0.05) +
      '<label><span>Shuffle seed</span> <input type="number" data-ref="seed" min="0" max="9999" step="1"></label></div></form>';
  }

  function races() {
    return '<div class="ib-wide"><p class="ib-racetitle"><b>Margin race.</b> Error 1 − margin ÷ best margin, against steps; lower is better. Above 1 some point is on the wrong side.</p>' +
      '<p class="ib-row ib-legend" data-ref="legend"></p><div class="ib-races" data-ref="races"></div></div>';
  }

  function folds() {
    return '<details data-ref="numbers"><summary>The numbers</summary><div class="ib-scroll" tabindex="0" role="region" aria-label="Table of the race"><table data-ref="table"></table></div></details>' +
      '<details data-ref="pythonfold"><summary>The same run in Python</summary><p>' + button('copy', 'Copy the program') + ' It prints the least margin and the error of this step, digit for digit.</p>' +
      '<pre tabindex="0" aria-label="Python program"><code data-ref="program"></code></pre></details>' +
      '<details data-ref="ownfold"><summary>Your own points</summary><p>Two features and a class on each line, for example <code>1.5,-0.3,spam</code>; two or three classes, with or without a header. Nothing leaves this page.</p>' +
      '<label class="ib-unseen" data-ref="pastelabel">Your points as comma-separated text</label><textarea data-ref="paste" rows="5" spellcheck="false"></textarea>' +
      '<div class="ib-row"><label class="ib-inline">or a file <input type="file" data-ref="file" accept=".csv,.txt,.tsv,text/csv"></label>' +
      '<label class="ib-inline"><input type="checkbox" data-ref="centre"> move the mean to the origin (borders pass through it)</label>' + button('use', 'Use these points') + '</div><p role="status" data-ref="ownsaid"></p></details>' +
      '<details><summary>How to read this, and the keyboard</summary><p>Step <i>t</i> has length <i>η</i>₀ (<i>t</i> + 1)<sup>−<i>a</i></sup> in the optimizer’s own norm, from <i>W</i> = 0. ' +
      'With two classes weight space is the plane of <i>u</i> = <i>w</i>₀ − <i>w</i>₁, the only combination of the two rows of <i>W</i> that classifies. Arrows show directions: each is stretched to its ball, its trail runs outwards with the logarithm of time, and the dashed arrow at its tip is the pull of the last step. ' +
      'With the keyboard: Tab to a point, arrow keys move it (Shift for large moves), Enter changes its class, Delete removes it.</p></details>';
  }

  /* compact: for a chapter, without settings and folds */
  function layout(uid, presets, compact) {
    var body = head(compact) + '<div class="ib-panels">' + panels() + (compact ? '' : controls()) + '</div>' + races();
    return compact ? body + '<details hidden data-ref="numbers"><summary>The numbers</summary><table data-ref="table"></table></details>' : stories(presets) + body + folds();
  }

  Ibias.layout = layout;
})(typeof globalThis !== 'undefined' ? globalThis : this);
