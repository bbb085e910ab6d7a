/* Ibias.mountExplorer(element): the explorer inside an element; data-ibias="explorer" mounts itself. Ibias.mountExplorer */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, State = Ibias.explorerState, View = Ibias.explorerView, mounted = 0;
  var TEXT = { max: 'max <small>SignSGD, Signum</small>', frobenius: 'Frobenius <small>N-SGD, N-MSGD</small>', spectral: 'spectral <small>Spectral-SGD, Muon</small>' };

  /* fieldsets of radio buttons: arrow keys walk through the values of one, Tab goes to the next */
  function group(uid, key, title, values, text) {
    return '<fieldset><legend>' + title + '</legend><div class="ib-options">' + values.map(function (v, i) {
      return '<label><input type="radio" name="' + uid + key + '" data-key="' + key + '" data-index="' + i + '"> <span>' + text(v, i) + '</span></label>';
    }).join('') + '</div></fieldset>';
  }

  function controls(uid, data, s) {
    var all = State.choices(data, s), n = data.set(s.set).n;
    return group(uid, 'set', 'Data set', all.set, function (key) { return Ibias.svg.escape(data.set(key).title); }) +
      group(uid, 'norm', 'Norm', all.norm, function (v) { return TEXT[v]; }) +
      group(uid, 'b', 'Batch size <i>b</i>', all.b, function (v) { return v === n ? n + ' <small>all</small>' : v; }) +
      group(uid, 'beta', 'Momentum <i>β</i>', all.beta, function (v) { return v === 0 ? '0 <small>none</small>' : v; }) +
      group(uid, 'vr', 'Variance reduction', all.vr, function (v) { return v ? 'on' : 'off'; }) +
      group(uid, 'a', 'Step exponent <i>a</i>', all.a, String) +
      group(uid, 'vary', 'Compare along', all.vary, function (v) { return State.VARY[v]; });
  }

  function layout() {
    return '<form aria-label="Choose a recipe" data-ref="form"></form><p class="ib-caption" data-ref="sentence"></p><p class="ib-unseen" aria-live="polite" data-ref="live"></p>' +
      '<div class="ib-panel"><p class="ib-title"><b>Relative margin error.</b> Median over the seeds, band from the least to the largest. Lower is better.</p><svg role="img" data-ref="error"></svg></div>' +
      '<div class="ib-pair"><div class="ib-panel"><p class="ib-title"><b>Cosine</b> to the maximum-margin solution</p><svg role="img" data-ref="cosine"></svg></div>' +
      '<div class="ib-panel"><p class="ib-title"><b>log₁₀ of the training loss</b></p><svg role="img" data-ref="loss"></svg></div></div>' +
      '<label class="ib-step"><span>Read off at step <output data-ref="step"></output></span> <input type="range" data-ref="at" min="0" step="1"></label>' +
      '<div class="ib-scroll" tabindex="0" role="region" aria-label="Values at the chosen step"><table data-ref="table"></table></div>' +
      '<p class="ib-note" data-ref="certificate"></p><p class="ib-row"><button type="button" data-ref="share">Copy a link to this view</button></p>';
  }

  function mount(element, numbers) {
    var data = Ibias.explorerData(numbers), uid = 'ibe' + (++mounted) + '-', ref = {}, inUrl = element.hasAttribute('data-url'), saving = 0, spoken = '';
    var state = (inUrl && State.fromHash(data, location.hash)) || State.settle(data, {});

    function chart(name, lines) {
      var e = ref[name], w = e.clientWidth || 340, h = e.clientHeight || 240;
      e.setAttribute('viewBox', '0 0 ' + w + ' ' + h);
      e.innerHTML = View[name](w, h, data, state, lines);
    }
    function describe(lines) {
      var at = state.at, names = { error: 'Relative margin error', cosine: 'Cosine to the maximum-margin solution', loss: 'Logarithm of the training loss' };
      Object.keys(names).forEach(function (name) {
        ref[name].setAttribute('aria-label', names[name] + ' at step ' + numbers.steps[at] + ': ' + lines.map(function (l) {
          var v = l.curve[name][at];
          return l.label + ' ' + (v === null ? 'undefined' : v.toPrecision(3));
        }).join('; '));
      });
    }
    function draw() {
      var lines = View.lines(data, state), text = View.sentence(data, state);
      ['error', 'cosine', 'loss'].forEach(function (name) { chart(name, lines); });
      describe(lines);
      ref.sentence.textContent = text;
      if (text !== spoken) ref.live.textContent = spoken = text;
      ref.table.innerHTML = View.table(data, state, lines);
      ref.certificate.textContent = View.certificate(data, state);
      ref.step.textContent = numbers.steps[state.at].toLocaleString('en');
      ref.at.value = state.at;
    }
    function save() {
      clearTimeout(saving);
      if (inUrl) saving = setTimeout(function () { try { history.replaceState(null, '', '#' + State.toHash(state)); } catch (e) { /* a viewer without history */ } }, 200);
    }
    function check() {
      var all = State.choices(data, state);
      ref.form.querySelectorAll('[data-key]').forEach(function (e) {
        var key = e.getAttribute('data-key');
        e.checked = all[key][+e.getAttribute('data-index')] === state[key];
      });
    }
    function rebuild() {
      ref.form.innerHTML = controls(uid, data, state);
      check();
    }
    function choose(key, value) {
      var change = {}, before = state.set;
      change[key] = value;
      state = State.settle(data, Object.assign({}, state, change));
      if (state.set !== before) { // other batch sizes; the focus stays where it was
        rebuild();
        ref.form.querySelector('[data-key=set]:checked').focus();
      } else check();
      draw();
      save();
    }

    element.classList.add('ib-figure', 'ib-explorer');
    element.innerHTML = layout();
    element.querySelectorAll('[data-ref]').forEach(function (e) { ref[e.getAttribute('data-ref')] = e; });
    Ibias.shareButton(ref.share, function () { return '#' + State.toHash(state); });
    ref.at.max = numbers.steps.length - 1;
    ref.form.addEventListener('change', function (ev) {
      var key = ev.target.getAttribute('data-key');
      if (key) choose(key, State.choices(data, state)[key][+ev.target.getAttribute('data-index')]);
    });
    ref.form.addEventListener('submit', function (ev) { ev.preventDefault(); });
    ref.at.addEventListener('input', function () { choose('at', +ref.at.value); });
    if (inUrl) root.addEventListener('hashchange', function () {
      var found = State.fromHash(data, location.hash);
      if (found) { state = found; rebuild(); draw(); }
    });
    rebuild();
    draw();
    var width = 0;
    new ResizeObserver(function () { if (element.clientWidth !== width) { width = element.clientWidth; draw(); } }).observe(element);
  }

  Ibias.mountExplorer = mount;
  if (root.document) {
    document.addEventListener('DOMContentLoaded', function () {
      document.querySelectorAll('[data-ibias="explorer"]').forEach(function (e) { mount(e, Ibias.explorerNumbers); });
    });
  }
})(typeof globalThis !== 'undefined' ? globalThis : this);
