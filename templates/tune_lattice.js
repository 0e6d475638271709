// The lattice of the page: figures of any node from counts that the page carries.
// A node is an array with the place of the chosen level of each attribute.
var midiTune = {};

midiTune.lattice = function (data) {
  "use strict";
  var axes = data.attributes;
  var shape = axes.map(function (a) { return a.levels.length; });
  var size = shape.reduce(function (a, b) { return a * b; }, 1);
  var classes = counts(data.classes), smallest = counts(data.smallest), below = counts(data.below);
  var keptClasses = counts(data.kept_classes), keptSmallest = counts(data.kept_smallest);
  var needed = data.ks.indexOf(data.k);

  function counts(text) {
    var raw = atob(text), bytes = new Uint8Array(raw.length), i;
    for (i = 0; i < raw.length; i += 1) { bytes[i] = raw.charCodeAt(i); }
    if (data.bytes_per_count === 1) { return bytes; }
    return data.bytes_per_count === 4 ? new Uint32Array(bytes.buffer) : new Uint16Array(bytes.buffer);
  }

  function indexOf(node) {
    return node.reduce(function (at, place, axis) { return at * shape[axis] + place; }, 0);
  }

  function nodeOf(index) {
    var node = [], axis;
    for (axis = shape.length - 1; axis >= 0; axis -= 1) {
      node[axis] = index % shape[axis];
      index = Math.floor(index / shape[axis]);
    }
    return node;
  }

  function rare(index) { return needed < 0 ? 0 : below[needed * size + index]; }

  // What each level costs comes with the data; only the sum is made here.
  function lost(node, out) {
    var sum = data.lost_elsewhere, axis;
    for (axis = 0; axis < node.length; axis += 1) { sum += axes[axis].levels[node[axis]].cost; }
    return Math.min(1, Math.max(0, 1 - (1 - out / data.subjects) * (1 - sum)));
  }

  function figures(node, leaveOut) {
    var at = indexOf(node), few = rare(at);
    var out = leaveOut && few <= data.max_suppressed ? few : 0, stay = data.subjects - out;
    var now = {
      subjects: data.subjects, out: out, atRisk: few - out,
      classes: out ? keptClasses[at] : classes[at], smallest: out ? keptSmallest[at] : smallest[at],
      uniques: out ? 0 : below[data.ks.indexOf(2) * size + at],
      below: data.ks.map(function (_, g) { return below[g * size + at]; }),
      loss: lost(node, out)
    };
    now.max = now.smallest ? 1 / now.smallest : 0;
    now.mean = stay ? now.classes / stay : 0;
    now.passed = stay > 0 && data.rules.every(function (rule) {
      return now.smallest >= rule.k && (rule.mean === null || now.mean <= rule.mean + 1e-12);
    });
    return now;
  }

  // Single steps: coarser ones by mean risk removed per information lost, the best level of each
  // attribute; finer ones that keep the node within the threshold, by information regained.
  function steps(node, leaveOut, locked) {
    var here = figures(node, leaveOut), risk = figures(node, false).mean, down = [], up = [];
    node.forEach(function (place, axis) {
      var best = null, back = null, other, moved, after, gain, cost, levels = axes[axis].levels;
      if (locked[axis]) { return; }
      for (other = 0; other < levels.length; other += 1) {
        if (other === place) { continue; }
        moved = node.slice();
        moved[axis] = other;
        if (other > place) {
          after = figures(moved, false).mean;
          cost = levels[other].loss - levels[place].loss;
          gain = (risk - after) / Math.max(cost, 1e-9);
          if (after < risk && (!best || gain > best.gain)) { best = {axis: axis, node: moved, gain: gain}; }
        } else if (here.passed && !back) {
          after = figures(moved, leaveOut);
          if (after.passed) { back = {axis: axis, node: moved, gain: here.loss - after.loss}; }
        }
      }
      if (best) { best.figures = figures(best.node, leaveOut); down.push(best); }
      if (back) { back.figures = figures(back.node, leaveOut); up.push(back); }
    });
    function byGain(a, b) { return b.gain - a.gain; }
    return {down: here.passed ? [] : down.sort(byGain).slice(0, 5), up: up.sort(byGain).slice(0, 5)};
  }

  // The node within the threshold that loses least while locked attributes stay where they are.
  function best(node, leaveOut, locked) {
    var found = null, nearest = null, index, other, now;
    function held(place, axis) { return !locked[axis] || place === node[axis]; }
    for (index = 0; index < size; index += 1) {
      other = nodeOf(index);
      if (!other.every(held)) { continue; }
      now = figures(other, leaveOut);
      if (now.passed && (!found || now.loss < found.figures.loss - 1e-12)) { found = {node: other, figures: now}; }
      if (!nearest || now.atRisk < nearest.figures.atRisk) { nearest = {node: other, figures: now}; }
    }
    return {node: found && found.node, nearest: nearest.figures.atRisk};
  }

  // All nodes as loss and subjects below k; the front holds those that no other node beats.
  function cloud() {
    var points = [], front = [], least = Infinity, index;
    for (index = 0; index < size; index += 1) {
      points.push({index: index, loss: lost(nodeOf(index), 0), below: rare(index)});
    }
    points.slice().sort(function (a, b) { return a.loss - b.loss || a.below - b.below; }).forEach(function (p) {
      if (p.below < least) { least = p.below; front.push({loss: p.loss, below: p.below, node: nodeOf(p.index)}); }
    });
    return {points: points, front: front};
  }

  function answer(value) { return Promise.resolve(value); }
  return {
    figures: figures,
    at: function (node, leaveOut) { return answer(figures(node, leaveOut)); },
    steps: function (node, leaveOut, locked) { return answer(steps(node, leaveOut, locked)); },
    best: function (node, leaveOut, locked) { return answer(best(node, leaveOut, locked)); },
    cloud: function () { return answer(cloud()); }
  };
};
