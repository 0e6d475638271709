// The two charts: shares of subjects below each k, and risk against information lost.
midiTune.charts = function (data, words) {
  "use strict";
  var W = 480, H = 270, LEFT = 48, RIGHT = 22, TOP = 26, BOTTOM = 44;

  function mark(name, attributes, text) {
    var node = document.createElementNS("http://www.w3.org/2000/svg", name), key;
    for (key in attributes) { node.setAttribute(key, attributes[key]); }
    if (text !== undefined) { node.textContent = text; }
    return node;
  }

  function element(name, text, attributes) {
    var node = document.createElement(name), key;
    if (text) { node.textContent = text; }
    for (key in attributes || {}) { node.setAttribute(key, attributes[key]); }
    return node;
  }

  function scale(low, high, start, end) {
    return function (value) {
      return Math.round(100 * (start + (Math.min(Math.max(value, low), high) - low) / (high - low || 1) * (end - start))) / 100;
    };
  }

  function frame(id, title, summary) {
    var figure = element("figure", "", {"class": "chart", id: id});
    figure.appendChild(element("figcaption")).appendChild(element("strong", title));
    var svg = mark("svg", {viewBox: "0 0 " + W + " " + H, role: "img", "aria-labelledby": id + "-title " + id + "-desc"});
    svg.appendChild(mark("title", {id: id + "-title"}, title));
    svg.appendChild(mark("desc", {id: id + "-desc"}, summary));
    svg.appendChild(mark("g", {"class": "still"}));
    svg.appendChild(mark("g", {"class": "moving"}));
    figure.appendChild(svg);
    var details = element("details");
    details.appendChild(element("summary", "Data of this chart"));
    details.appendChild(element("div", "", {"class": "scroll", tabindex: "0", role: "group", "aria-label": title}));
    figure.appendChild(details);
    return figure;
  }

  function axes(group, x, y, xs, ys, xLabel, yLabel) {
    ys.forEach(function (t) {
      group.appendChild(mark("path", {"class": "grid", d: "M" + LEFT + " " + y(t) + "H" + (W - RIGHT)}));
      group.appendChild(mark("text", {"class": "tick", x: LEFT - 8, y: y(t) + 4, "text-anchor": "end"}, Math.round(t * 100) + " %"));
    });
    xs.forEach(function (t) {
      group.appendChild(mark("path", {"class": "tickmark", d: "M" + x(t.at) + " " + (H - BOTTOM) + "v5"}));
      group.appendChild(mark("text", {"class": "tick", x: x(t.at), y: H - BOTTOM + 18, "text-anchor": "middle"}, t.label));
    });
    group.appendChild(mark("text", {"class": "axis", x: (LEFT + W - RIGHT) / 2, y: H - 6, "text-anchor": "middle"}, xLabel));
    group.appendChild(mark("text", {"class": "axis", x: 0, y: 12}, yLabel));
  }

  function table(place, heads, rows) {
    var out = element("table", "", {"class": "narrow"}), head = out.appendChild(element("thead")).appendChild(element("tr"));
    heads.forEach(function (h) { head.appendChild(element("th", h, {scope: "col"})); });
    var body = out.appendChild(element("tbody"));
    rows.forEach(function (cells) {
      var row = body.appendChild(element("tr"));
      cells.forEach(function (cell, i) {
        var box = row.appendChild(i ? element("td", "", {"class": "n"}) : element("th", "", {scope: "row"}));
        if (typeof cell === "string") { box.textContent = cell; } else { box.appendChild(cell); }
      });
    });
    place.replaceChildren(out);
  }

  function curve() {
    var figure = frame("tune-curve", "Subjects in classes smaller than each k",
      "Step curves over k: the original data dashed, this setting solid. The threshold is at k = " + data.k + ".");
    var still = figure.querySelector(".still"), moving = figure.querySelector(".moving"), last = Math.log(data.ks[data.ks.length - 1] * 1.08);
    var x = scale(0, last, LEFT, W - RIGHT), y = scale(0, 1, H - BOTTOM, TOP);
    function at(k) { return x(Math.log(k)); }
    axes(still, at, y, data.ks.filter(function (k) { return k === data.k || [2, 3, 5, 10, 20, 50].some(function (t) { return t === k && Math.abs(Math.log(k / data.k)) > 0.25; }); }).map(function (k) { return {at: k, label: String(k)}; }),
      [0, 0.25, 0.5, 0.75, 1], "threshold k", "share of subjects below k");
    still.appendChild(mark("path", {"class": "rule", d: "M" + at(data.k) + " " + (TOP - 6) + "V" + (H - BOTTOM)}));
    still.appendChild(mark("text", {"class": "rule-label", x: at(data.k) + 6, y: TOP - 2}, "k = " + data.k));
    function line(now) {
      return "M" + at(1) + " " + y(0) + data.ks.map(function (k, i) { return "H" + at(k) + "V" + y(now.below[i] / now.subjects); }).join("") + "H" + (W - RIGHT);
    }
    return {figure: figure, draw: function (raw, now) {
      moving.replaceChildren(mark("path", {"class": "was-line", d: line(raw)}), mark("path", {"class": "line", d: line(now)}));
      data.ks.forEach(function (k, i) {
        moving.appendChild(mark("circle", {"class": k === data.k ? "dot marked" : "dot", cx: at(k), cy: y(now.below[i] / now.subjects), r: k === data.k ? 5 : 3}))
          .appendChild(mark("title", {}, "k = " + k + ": " + words.share(now.below[i], now.subjects)));
      });
      table(figure.querySelector(".scroll"), ["k", "Original", "This setting"], data.ks.map(function (k, i) {
        return [String(k), words.share(raw.below[i], raw.subjects), words.share(now.below[i], now.subjects)];
      }));
    }};
  }

  function front(cloud, describe, use) {
    var figure = frame("tune-front", "Subjects at risk against information lost",
      "Each cell holds settings, darker where there are more. The line is the front: no setting has both less risk and less loss. The walk of this visit ends at the filled point.");
    var still = figure.querySelector(".still"), moving = figure.querySelector(".moving"), top = 0, cells = {}, most = 1;
    cloud.points.concat(cloud.front).forEach(function (p) { top = Math.max(top, p.below / data.subjects); });
    top = Math.min(1, Math.ceil(top * 10) / 10) || 0.1;
    var x = scale(0, 1, LEFT, W - RIGHT), y = scale(0, top, H - BOTTOM, TOP), step = top > 0.5 ? 0.2 : top > 0.2 ? 0.1 : 0.05, ys = [], t;
    for (t = 0; t <= top + 1e-9; t += step) { ys.push(t); }
    axes(still, x, y, [0, 0.2, 0.4, 0.6, 0.8, 1].map(function (v) { return {at: v, label: Math.round(v * 100) + " %"}; }), ys, "information lost", "subjects below k = " + data.k);
    cloud.points.forEach(function (p) {
      var key = Math.min(39, Math.floor(p.loss * 40)) + " " + Math.min(19, Math.floor(p.below / data.subjects / top * 20));
      cells[key] = (cells[key] || 0) + 1;
      most = Math.max(most, cells[key]);
    });
    Object.keys(cells).forEach(function (key) {
      var at = key.split(" "), wide = (W - LEFT - RIGHT) / 40, high = (H - TOP - BOTTOM) / 20;
      still.appendChild(mark("rect", {"class": "cell", x: LEFT + at[0] * wide + 0.5, y: H - BOTTOM - (Number(at[1]) + 1) * high + 0.5,
        width: wide - 1, height: high - 1, "fill-opacity": 0.12 + 0.4 * Math.log(1 + cells[key]) / Math.log(1 + most)}));
    });
    function px(p) { return x(p.loss) + " " + y(p.below / data.subjects); }
    if (cloud.front.length) {
      still.appendChild(mark("path", {"class": "line thin", d: "M" + px(cloud.front[0]) + cloud.front.slice(1).map(function (p) {
        return "H" + x(p.loss) + "V" + y(p.below / data.subjects);
      }).join("")}));
    }
    cloud.front.forEach(function (p) {
      still.appendChild(mark("circle", {"class": "dot", cx: x(p.loss), cy: y(p.below / data.subjects), r: 3}))
        .appendChild(mark("title", {}, describe(p.node)));
    });
    table(figure.querySelector(".scroll"), ["Setting on the front", "Below k", "Lost", "Choose"], cloud.front.map(function (p) {
      var button = element("button", "Use", {type: "button", "aria-label": "Use " + describe(p.node)});
      button.addEventListener("click", function () { use(p.node); });
      return [describe(p.node), words.share(p.below, data.subjects), words.percent(p.loss), button];
    }));
    return {figure: figure, draw: function (walk, pinned, plan) {
      var stops = walk.map(function (f) { return {loss: f.loss, below: f.atRisk}; }), here = stops[stops.length - 1];
      moving.replaceChildren(mark("path", {"class": "walk", d: "M" + stops.map(px).join("L")}));
      stops.slice(0, -1).forEach(function (p) { moving.appendChild(mark("circle", {"class": "stop", cx: x(p.loss), cy: y(p.below / data.subjects), r: 3})); });
      function named(f, name, css, r) {
        var p = {loss: f.loss, below: f.atRisk}, right = x(p.loss) > W - 150;
        moving.appendChild(mark("circle", {"class": css, cx: x(p.loss), cy: y(p.below / data.subjects), r: r}));
        moving.appendChild(mark("text", {"class": "value", x: x(p.loss) + (right ? -12 : 12), y: y(p.below / data.subjects) - 9, "text-anchor": right ? "end" : "start"}, name));
      }
      var apart = function (f) { return Math.abs(f.loss - here.loss) > 0.02 || Math.abs(f.atRisk - here.below) > data.subjects * 0.03; };
      if (plan && apart(plan)) { named(plan, "suggested", "ring", 8); }
      if (pinned && apart(pinned)) { named(pinned, "pinned", "pinned", 6); }
      named({loss: here.loss, atRisk: here.below}, "this setting", "here", 7);
    }};
  }

  return {curve: curve, front: front, table: table, element: element};
};
