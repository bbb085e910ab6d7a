/* The shuffles of ibias.permutations, number for number: numpy's Generator(Philox(key=seed)).permuted.
 * Philox 4x64 with 10 rounds (Salmon, Moraes, Dror, Shaw, SC 2011) as numpy drives it. Ibias.philox */
(function (root) {
  'use strict';
  var Ibias = root.Ibias = root.Ibias || {};
  var MASK64 = (1n << 64n) - 1n, LOW32 = (1n << 32n) - 1n;
  var MULTIPLIERS = [0xD2E7470EE14C6C93n, 0xCA5A826395121157n], WEYL = [0x9E3779B97F4A7C15n, 0xBB67AE8584CAA73Bn];
  var ROUNDS = 10;

  /* four 64-bit words from a counter and a key of one word (the other is zero) */
  function block(counter, seed) {
    var c = [BigInt.asUintN(64, counter), counter >> 64n, 0n, 0n], k0 = seed, k1 = 0n;
    for (var r = 0; r < ROUNDS; r++) {
      var a = MULTIPLIERS[0] * c[0], b = MULTIPLIERS[1] * c[2];
      c = [(b >> 64n) ^ c[1] ^ k0, b & MASK64, (a >> 64n) ^ c[3] ^ k1, a & MASK64];
      k0 = (k0 + WEYL[0]) & MASK64;
      k1 = (k1 + WEYL[1]) & MASK64;
    }
    return c;
  }

  /* () -> the next 32 bits: each 64-bit word is spent low half first */
  function bits32(seed) {
    var key = BigInt(seed), counter = 0n, words = [];
    return function () {
      if (!words.length) {
        counter += 1n; // numpy counts before it draws
        block(counter, key).forEach(function (w) { words.push(Number(w & LOW32), Number(w >> 32n)); });
      }
      return words.shift();
    };
  }

  /* uniform on 0..max by masking and drawing again */
  function below(next, max) {
    var mask = max, value;
    for (var s = 1; s < 32; s *= 2) mask |= mask >>> s;
    do { value = (next() & mask) >>> 0; } while (value > max);
    return value;
  }

  /* epoch -> order of the n samples. All methods of a race share one of these. */
  function orders(n, seed) {
    if (!(Number.isInteger(seed) && seed >= 0)) throw new RangeError('a seed is a whole number from 0; got ' + seed);
    var next = bits32(seed), known = [];
    return function (epoch) {
      while (known.length <= epoch) {
        var order = Array.from({ length: n }, function (_, i) { return i; });
        for (var i = n - 1; i > 0; i--) {
          var j = below(next, i), kept = order[i];
          order[i] = order[j];
          order[j] = kept;
        }
        known.push(order);
      }
      return known[epoch];
    };
  }

  Ibias.philox = { orders: orders, bits32: bits32 };
})(typeof globalThis !== 'undefined' ? globalThis : this);
