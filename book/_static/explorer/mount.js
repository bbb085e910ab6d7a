/* Ibias.mountExplorer(element, numbers): the explorer inside an element; data-ibias="explorer" mounts itself. Ibias.mountExplorer */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {}, svg = Ibias.svg, State = Ibias.explorerState, Chart = Ibias.explorerChart, Words = Ibias.explorerWords;
  var CHARTS = { error: 'Relative margin error', cosine: 'Cosine to the best direction', loss: 'log₁₀ of the training loss' };
  var NAMES = { norm: 'Norm', b: 'Batch <i>b</i>', beta: 'Momentum <i>β</i>', vr: '<abbr title="variance reduction">VR</abbr>' };
  var SAVE_MS = 250;

  function option(value, text) { return '<option value="' + value + '">' + text + '</option>'; }

  function select(key, title, options) {
    return '<label class="ib-pick"><span>' + title + '</span><select data-key="' + key + '">' + options + '</select></label>';
  }

  /* a value of one part of a recipe, as the reader sees it */
  function shown(part, v, n) {
    if (part === 'b') return v === n ? n + ' (all)' : v;
    if (part === 'beta') return v === 0 ? '0 (none)' : v;
    return part === 'vr' ? (v ? 'on' : 'off') : v === 'frobenius' ? 'Frobenius' : v;
  }

  function card(data, s, i) {
    var all = State.choices(data, s.set), n = data.set(s.set).n;
    return '<fieldset class="ib-recipe" style="--ib-lead:' + Chart.COLORS[i] + '"><legend data-ref="title' + i + '"></legend><div class="ib-picks">' + State.PARTS.map(function (part) {
      return select(i + part, NAMES[part], all[part].map(function (v, j) { return option(j, shown(part, v, n)); }).join(''));
    }).join('') + '</div><p data-ref="reached' + i + '"></p><p data-ref="promised' + i + '"></p></fieldset>';
  }

  function layout() {
    return '<div class="ib-charts">' + Object.keys(CHARTS).map(function (name) {
      return '<div class="ib-panel ib-' + name + '"><p class="ib-title">' + CHARTS[name] + '</p><svg role="img" data-ref="' + name + '"></svg></div>';
    }).join('') + '</div><label class="ib-step"><span>At step <output data-ref="step"></output></span> <input type="range" data-ref="at" min="0" step="1"></label>' +
      '<form aria-label="Choose what is compared"></form><p class="ib-unseen" aria-live="polite" data-ref="live"></p>' +
      '<p class="ib-note" data-ref="certificate"></p><div class="ib-scroll" tabindex="0" role="region" aria-label="Values at the chosen step"><table data-ref="table"></table></div>';
  }

  function form(data, s) {
    return '<div class="ib-bar">' + select('set', 'Data set', data.numbers.sets.map(function (one) { return option(one.key, one.title); }).join('')) +
      select('vary', 'Also draw', Object.keys(State.VARY).map(function (key) { return option(key, State.VARY[key]); }).join('')) +
      '<button type="button" data-ref="swap">Swap A and B</button><button type="button" data-ref="share">Copy a link</button></div>' +
      '<div class="ib-two">' + card(data, s, 0) + card(data, s, 1) + '</div>';
  }

  function mount(element, numbers) {
    var data = Ibias.explorerData(numbers), ref = {}, boxes = {}, inUrl = element.hasAttribute('data-url'), saving = 0, spoken = '', asked = 0;
    var state = (inUrl && State.fromHash(data, location.hash)) || State.fromHash(data, '#view-batches');

    function find() { element.querySelectorAll('[data-ref]').forEach(function (e) { ref[e.getAttribute('data-ref')] = e; }); }

    function chart(name, lines) {
      var e = ref[name], w = e.clientWidth || 340, h = e.clientHeight || 240, made = Chart[name](w, h, data, state, lines);
      boxes[name] = made.box;
      e.setAttribute('viewBox', '0 0 ' + w + ' ' + h);
      e.innerHTML = made.text;
      e.setAttribute('aria-label', CHARTS[name] + ' at step ' + numbers.steps[state.at] + ': ' + lines.slice().reverse().map(function (l) {
        return l.name + ' ' + svg.number(l.curve[name][state.at], 4);
      }).join('; '));
    }
    function draw() {
      var lines = Chart.lines(data, state), said = [];
      Object.keys(CHARTS).forEach(function (name) { chart(name, lines); });
      state.recipes.forEach(function (r, i) {
        ref['title' + i].textContent = Words.title(data, state, i);
        ref['reached' + i].textContent = Words.reached(data, state, r);
        ref['promised' + i].innerHTML = Words.promised(data, state, r);
        said.push(Words.title(data, state, i) + '. ' + Words.reached(data, state, r));
      });
      if (said.join(' ') !== spoken) ref.live.textContent = spoken = said.join(' ');
      ref.table.innerHTML = Words.table(state, lines.slice().reverse());
      ref.certificate.textContent = Words.certificate(data, state);
      ref.step.textContent = numbers.steps[state.at].toLocaleString('en');
      ref.at.value = state.at;
      ref.at.setAttribute('aria-valuetext', 'step ' + ref.step.textContent);
    }
    function save() {
      clearTimeout(saving);
      if (inUrl) saving = setTimeout(function () { try { history.replaceState(null, '', '#' + State.toHash(state)); } catch (e) { /* a viewer without history */ } }, SAVE_MS);
    }
    function check() {
      var all = State.choices(data, state.set);
      element.querySelectorAll('select').forEach(function (e) {
        var key = e.getAttribute('data-key'), part = key.slice(1);
        e.value = key in state ? state[key] : all[part].indexOf(state.recipes[+key[0]][part]);
      });
    }
    function choose(change) {
      state = State.settle(data, Object.assign({}, state, change));
      check();
      draw();
      save();
    }
    /* a pointer may move many times between two pictures */
    function hover(name, ev) {
      var x = ev.clientX - ref[name].getBoundingClientRect().left;
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(function () {
        var at = Chart.nearest(boxes[name], numbers.steps, x);
        if (at !== state.at) choose({ at: at });
      });
    }
    function picked(e) {
      var key = e.getAttribute('data-key'), change = {}, part = key.slice(1);
      if (key in state) change[key] = e.value;
      else {
        change.recipes = state.recipes.map(function (r) { return Object.assign({}, r); });
        change.recipes[+key[0]][part] = State.choices(data, state.set)[part][+e.value];
      }
      choose(change);
    }

    element.classList.add('ib-figure', 'ib-explorer');
    element.innerHTML = layout();
    element.querySelector('form').innerHTML = form(data, state);
    find();
    Ibias.shareButton(ref.share, function () { return '#' + State.toHash(state); });
    ref.at.max = numbers.steps.length - 1;
    ref.at.addEventListener('input', function () { choose({ at: +ref.at.value }); });
    ref.swap.addEventListener('click', function () { choose({ recipes: state.recipes.slice().reverse() }); });
    element.querySelector('form').addEventListener('change', function (ev) { if (ev.target.matches('select')) picked(ev.target); });
    element.querySelector('form').addEventListener('submit', function (ev) { ev.preventDefault(); });
    Object.keys(CHARTS).forEach(function (name) {
      ['pointermove', 'pointerdown'].forEach(function (kind) { ref[name].addEventListener(kind, function (ev) { hover(name, ev); }); });
    });
    if (inUrl) root.addEventListener('hashchange', function () {
      var found = State.fromHash(data, location.hash);
      if (found) choose(found);
    });
    check();
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
