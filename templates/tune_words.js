// Numbers and sentences, written as the report writes them.
midiTune.words = (function () {
  "use strict";
  var THIN = "\u202f", FIXED = "\u00a0";

  function count(n) { return String(n).replace(/\B(?=(\d{3})+(?!\d))/g, THIN); }

  function percent(share) {
    if (share <= 0) { return "0" + FIXED + "%"; }
    if (share >= 1) { return "100" + FIXED + "%"; }
    if (share < 0.0005) { return "< 0.1" + FIXED + "%"; }
    if (share > 0.9995) { return "> 99.9" + FIXED + "%"; }
    return (100 * share).toFixed(1) + FIXED + "%";
  }

  function share(part, whole) {
    return percent(part / whole) + ", " + count(part) + FIXED + "of" + FIXED + count(whole);
  }

  function risk(value) {
    var inverse, times;
    if (!value) { return "0"; }
    inverse = 1 / value;
    times = inverse >= 10 ? count(Math.round(inverse)) : inverse.toFixed(1).replace(/\.0$/, "");
    return (value < 0.0001 ? "< 0.0001" : String(Number(value.toPrecision(3)))) + " (1" + FIXED + "in" + FIXED + times + ")";
  }

  function verdict(now, k) {
    var stay = now.subjects - now.out, lead = now.out ? count(now.out) + " left out. " : "";
    if (now.disclosed && now.disclosed.length) {
      return lead + "In some classes everybody has the same sensitive value: " + now.disclosed.join(", ") +
        ". Coarsen further, remove it, or accept it in writing.";
    }
    if (!now.atRisk) {
      return lead + "Every one of " + count(stay) + " subjects shares the attributes with at least " +
        count(Math.max(0, now.smallest - 1)) + " others; " + count(k) + " together are required.";
    }
    return lead + share(now.atRisk, stay) + " subjects are in classes smaller than " + count(k) +
      "; the smallest class has " + count(now.smallest) + ".";
  }

  function shell(text) {
    return /^[\w.,:=@%+\/-]+$/.test(text) ? text : "'" + text.replace(/'/g, "'\\''") + "'";
  }

  function yaml(text) { return /^[A-Za-z][\w.-]*$/.test(text) ? text : JSON.stringify(text); }

  return {count: count, percent: percent, share: share, risk: risk, verdict: verdict, shell: shell, yaml: yaml};
}());
