/* The two folds that take something in or give something out: own points, and the program. Ibias.own */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {};
  var SAID_MS = 2500;

  function copied(button, words) {
    var text = button.textContent;
    button.textContent = words;
    setTimeout(function () { button.textContent = text; }, SAID_MS);
  }

  /* pages from disk may not write to the clipboard: then the program is selected, one key away from being copied */
  function copy(button, code) {
    function select() {
      var range = document.createRange();
      range.selectNodeContents(code);
      root.getSelection().removeAllRanges();
      root.getSelection().addRange(range);
      copied(button, 'Selected: press Ctrl+C');
    }
    if (!root.navigator.clipboard) { select(); return; }
    root.navigator.clipboard.writeText(code.textContent).then(function () { copied(button, 'Copied'); }, select);
  }

  /* use(points) shows them */
  function own(ref, uid, use) {
    ref.paste.id = uid + 'paste';
    ref.pastelabel.htmlFor = ref.paste.id;
    function take(text) {
      var found = Ibias.csv(text, ref.centre.checked);
      ref.ownsaid.textContent = found.refused || found.said;
      ref.ownsaid.classList.toggle('ib-refused', !!found.refused);
      if (found.points) use(found.points);
    }
    ref.use.addEventListener('click', function () { take(ref.paste.value); });
    ref.file.addEventListener('change', function () {
      if (!ref.file.files.length) return;
      ref.file.files[0].text().then(function (text) { ref.paste.value = text; take(text); });
    });
    ref.copy.addEventListener('click', function () { copy(ref.copy, ref.program); });
  }

  Ibias.own = own;
})(typeof globalThis !== 'undefined' ? globalThis : this);
