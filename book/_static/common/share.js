/* A button that copies the address of the present view. A link element would do, but the theme's scroll spy takes the hash of
 * every link of a short page for a CSS selector, and a state such as b=10 is none. Ibias.shareButton(button, hash) */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {};
  var SAID_MS = 2500;

  /* hash: () -> '#...' */
  function share(button, hash) {
    var text = button.textContent;
    function say(words) {
      button.textContent = words;
      setTimeout(function () { button.textContent = text; }, SAID_MS);
    }
    button.addEventListener('click', function () {
      var address = root.location.href.replace(/#.*$/, '') + hash();
      if (!root.navigator.clipboard) { say('It is in the address bar'); return; } // pages from disk may not write to the clipboard
      root.navigator.clipboard.writeText(address).then(function () { say('Copied'); }, function () { say('It is in the address bar'); });
    });
  }

  Ibias.shareButton = share;
})(typeof globalThis !== 'undefined' ? globalThis : this);
