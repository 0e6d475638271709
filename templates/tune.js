// The page: what is chosen, what is shown, what is taken away. The address holds the setting.
(function () {
  "use strict";
  var section = document.getElementById("tune");
  if (!section) { return; }
  var data = JSON.parse(document.getElementById("tune-data").textContent);
  var words = midiTune.words, charts = midiTune.charts(data, words), element = charts.element;
  var engine = data.served ? midiTune.served(data) : midiTune.lattice(data);
  var axes = data.attributes, fields = all("fieldset[data-axis]"), note = one(".tune-note");
  var plans = all("[data-plan]");
  var start = axes.map(function (a) { return a.start; }), zero = axes.map(function () { return 0; });
  var state = {node: start, out: false, pin: null}, walk = [], place = -1, asked = 0;
  var raw = null, pinned = null, planned = null, shown = null, curve = charts.curve(), front = null;

  function one(selector) { return section.querySelector(selector); }
  function all(selector) { return Array.prototype.slice.call(section.querySelectorAll(selector)); }
  function show(node, yes) { node.hidden = !yes; }
  function same(a, b) { return a.join(".") === b.join("."); }
  function say(text) { note.textContent = text; show(note, text !== ""); }
  function level(axis, node) { return axes[axis].levels[node[axis]]; }

  // --- the address
  function encode(s) {
    return "tune=" + s.node.join(".") + (s.out ? "&out=1" : "") + (s.pin ? "&pin=" + s.pin.join(".") : "");
  }

  function parsed(text) {
    var node = text.split(".").map(Number);
    var fits = node.length === axes.length && node.every(function (n, i) {
      return Number.isInteger(n) && n >= 0 && n < axes[i].levels.length;
    });
    return fits ? node : null;
  }

  function decode(hash) {
    var parts = new URLSearchParams(hash.replace(/^#/, "")), node = parsed(parts.get("tune") || "");
    if (!node) { return null; }
    return {node: node, out: parts.get("out") === "1", pin: parts.get("pin") ? parsed(parts.get("pin")) : null};
  }

  function go(change) {
    var next = Object.assign({}, state, change);
    if (encode(next) === encode(state)) { return; }
    history.replaceState({tune: encode(state)}, "");
    history.pushState({tune: encode(next)}, "", "#" + encode(next));
    arrive(next);
  }

  function returned(event) {
    var hash = event.state && event.state.tune ? "#" + event.state.tune : location.hash, next = decode(hash);
    if (!next && /^#tune=/.test(hash)) { say("The address names no setting of this page; it shows the one that was assessed."); }
    if (!next && hash !== "" && !/^#tune=/.test(hash)) { return; }
    arrive(next || {node: start, out: false, pin: null});
  }

  // --- one setting
  function arrive(next) {
    var ticket = asked += 1;
    section.classList.toggle("busy", Boolean(data.served));
    return engine.at(next.node, next.out).then(function (now) {
      if (ticket !== asked) { return; }
      state = next;
      shown = now;
      walked(encode(next), now);
      draw(now);
      section.classList.remove("busy");
      return pin(next.pin).then(function () { return further(ticket); });
    }).catch(failed);
  }

  function failed(fault) {
    section.classList.remove("busy");
    say(fault.message || "The setting could not be judged.");
  }

  function walked(key, now) {
    if (walk[place - 1] && walk[place - 1].key === key) { place -= 1; return; }
    if (walk[place + 1] && walk[place + 1].key === key) { place += 1; return; }
    if (walk[place] && walk[place].key === key) { walk[place].now = now; return; }
    walk = walk.slice(0, place + 1).concat({key: key, now: now});
    place = walk.length - 1;
  }

  function draw(now) {
    var verdict = one(".tune-verdict");
    verdict.classList.toggle("within", now.passed);
    verdict.classList.toggle("above", !now.passed);
    one(".tune-verdict .mark").textContent = now.passed ? "✓" : "▲";
    one(".tune-verdict .word").textContent = now.passed ? "Within the threshold" : "Above the threshold";
    one(".tune-verdict .sentence").textContent = words.verdict(now, data.k);
    one(".tune-verdict .lost .figure").textContent = words.percent(now.loss);
    fields.forEach(function (field, axis) {
      var chosen = level(axis, state.node);
      field.querySelectorAll("input[type=radio]")[state.node[axis]].checked = true;
      field.querySelector(".level-text").textContent = chosen.text === chosen.short ? "" : chosen.text;
      field.querySelector(".axis-loss").textContent = chosen.loss ? words.percent(chosen.loss) + " of its information lost" : "";
    });
    one("#tune-out").checked = state.out;
    cards(now);
    plans.forEach(function (card, i) {
      var chosen = same(data.plans[i].node, state.node) && (data.plans[i].left_out > 0) === state.out;
      card.classList.toggle("chosen", chosen);
      card.querySelector("button").setAttribute("aria-pressed", String(chosen));
      card.querySelector("button").firstChild.nodeValue = chosen ? "Selected" : "Select";
    });
    curve.draw(raw, now);
    if (front) { front.draw(walk.slice(0, place + 1).map(function (w) { return w.now; }), pinned, planned); }
    one("[data-do=undo]").disabled = place < 1;
    one("[data-do=redo]").disabled = place >= walk.length - 1;
  }

  function figure(now, name) {
    var part = name.split("_"), given = now.measures && now.measures[name];
    if (part.slice(1).join("_") === "at_risk") {
      return given === undefined ? words.share(now.atRisk, now.subjects - now.out || 1) : words.percent(given);
    }
    return words.risk(given === undefined ? (part[1] === "max" ? now.max : now.mean) : given);
  }

  function cards(now) {
    all("[data-figure]").forEach(function (line) {
      var name = line.getAttribute("data-figure"), before = figure(raw, name), after = figure(now, name);
      line.querySelector(".was").textContent = before === after ? "" : before;
      show(line.querySelector(".arrow"), before !== after);
      line.querySelector(".is").textContent = after;
    });
  }

  function locks() { return fields.map(function (f) { return f.querySelector(".lock input").checked || axes[f.getAttribute("data-axis")].levels.length === 1; }); }

  // Steps cost many settings, so the server is asked for them only when the hand rests.
  function rested(ticket) {
    return new Promise(function (done) {
      if (data.served) { setTimeout(function () { done(ticket === asked); }, 200); } else { done(true); }
    });
  }

  function further(ticket) {
    return rested(ticket).then(function (yes) {
      return yes ? engine.steps(state.node, state.out, locks()) : {down: [], up: []};
    }).then(function (found) {
      if (ticket !== asked) { return; }
      list(one("#tune-next"), found.down, function (now, here) {
        return "subjects below " + data.k + ": " + words.count(here.atRisk) + " → " + words.count(now.atRisk) + "; average risk " +
          words.risk(here.mean) + " → " + words.risk(now.mean) + "; information lost +" + words.percent(now.loss - here.loss);
      });
      list(one("#tune-back"), found.up, function (now, here) {
        return "information lost " + words.percent(here.loss) + " → " + words.percent(now.loss) + "; smallest class " + words.count(now.smallest);
      });
    });
  }

  function list(box, steps, describe) {
    show(box, steps.length > 0);
    box.querySelector("ol").replaceChildren.apply(box.querySelector("ol"), steps.map(function (step) {
      var item = element("li"), text = item.appendChild(element("span")), title = axes[step.axis].label + ": " + level(step.axis, step.node).text;
      var button = element("button", "Apply", {type: "button", "aria-label": "Apply " + title});
      text.appendChild(element("strong", title));
      text.appendChild(element("span", describe(step.figures, shown), {"class": "quiet"}));
      button.addEventListener("click", function () { go({node: step.node}); });
      item.appendChild(button);
      return item;
    }));
  }

  // --- comparing
  function pin(node) {
    if (!node) { pinned = null; compare(); return Promise.resolve(); }
    return engine.at(node, false).then(function (now) { pinned = now; compare(); if (front) { draw(shown); } });
  }

  function compare() {
    var box = one("#tune-compare"), rows = [];
    one("[data-do=pin]").textContent = state.pin ? "Unpin" : "Pin to compare";
    show(box, Boolean(pinned));
    if (!pinned) { return; }
    axes.forEach(function (a, i) {
      if (state.pin[i] !== state.node[i]) { rows.push([a.label, level(i, state.pin).text, level(i, state.node).text]); }
    });
    [["Smallest class", function (f) { return words.count(f.smallest); }], ["Highest risk", function (f) { return words.risk(f.max); }],
      ["Average risk", function (f) { return words.risk(f.mean); }], ["Subjects below " + data.k, function (f) { return words.count(f.atRisk); }],
      ["Subjects left out", function (f) { return words.count(f.out); }], ["Information lost", function (f) { return words.percent(f.loss); }],
      ["Verdict", function (f) { return f.passed ? "✓ within" : "▲ above"; }]
    ].forEach(function (row) { rows.push([row[0], row[1](pinned), row[1](shown)]); });
    box.replaceChildren(element("h3", "Pinned against this setting"), element("div", "", {"class": "scroll", tabindex: "0", role: "group", "aria-label": "Comparison"}));
    charts.table(box.lastChild, ["Attribute or figure", "Pinned", "This setting"], rows);
    var button = element("button", "Go to the pinned one", {type: "button"});
    button.addEventListener("click", function () { go({node: state.pin, pin: state.node}); });
    box.appendChild(button);
  }

  // --- taking it along
  function needs() {
    var out = {};
    fields.forEach(function (f, i) {
      var text = f.querySelector("textarea").value.trim();
      if (text) { out[axes[i].name] = text; }
    });
    return out;
  }

  function bands(name) { return name.indexOf("cuts:") === 0 ? name.slice(5).split(",").map(Number) : null; }
  function grouped(name) { return /^groups-\d+$/.test(name); }

  // Groups of names list values, which the page does not carry.
  function command() {
    var plan = data.plans.filter(function (p) { return same(p.node, state.node) && (p.left_out > 0) === state.out; })[0];
    if (plan && axes.some(function (a, i) { return grouped(level(i, state.node).name); })) {
      return "midi-risk suggest " + words.shell(data.project) + (plan.number ? " --accept " + plan.number : "");
    }
    return ["midi-risk tune " + words.shell(data.project)].concat(axes.map(function (a, i) {
      return "--level " + words.shell(a.name + "=" + level(i, state.node).name);
    }), state.out ? ["--leave-out"] : [], ["--plan plan.json"]).join(" ");
  }

  function lines() {
    var why = needs();
    return "attributes:\n" + axes.map(function (a, i) {
      var chosen = level(i, state.node), last = a.levels[a.levels.length - 1].level, parts = ["role: quasi_identifier"];
      if (chosen.level === 0) { parts.push("decision: retain"); } else if (chosen.level === last) { parts.push("decision: remove"); } else {
        if (bands(chosen.name)) { parts.push("hierarchy: [{cuts: [" + bands(chosen.name).join(", ") + "]}]"); }
        parts.push("decision: generalise", "level: " + (bands(chosen.name) ? "1" : words.yaml(chosen.name)));
      }
      if (grouped(chosen.name)) { return "  # " + words.yaml(a.name) + ": groups of values, which this page does not hold; midi-risk suggest writes them into plan.json"; }
      if (why[a.name]) { parts.push("need: " + JSON.stringify(why[a.name])); }
      return "  " + words.yaml(a.name) + ": {" + parts.join(", ") + "}";
    }).join("\n") + "\n";
  }

  function describe(node) {
    return axes.map(function (a, i) { return a.label + " " + a.levels[node[i]].short; }).join(", ");
  }

  function condition(f) {
    return {k: f.smallest, classes: f.classes, sample_uniques: f.uniques, subjects: f.subjects - f.out,
      risk_max: f.max, risk_mean: f.mean, at_risk: f.atRisk / (f.subjects - f.out || 1), passed: f.passed};
  }

  // The number of a level in its ladder alone, as plan.json counts.
  function ladder(a, place) { return a.levels[place].level - a.levels.slice(0, place).filter(function (l) { return bands(l.name) || grouped(l.name); }).length; }

  function plan() {
    var levels = {}, cuts = {}, steps = [], at = zero.slice(), mean = raw.mean, why = needs();
    if (axes.some(function (a, i) { return grouped(level(i, state.node).name); })) {
      throw new Error("This setting has groups of values, which this page does not hold: " + command() + " writes its plan.");
    }
    axes.forEach(function (a, i) {
      var chosen = level(i, state.node), after;
      levels[a.name] = bands(chosen.name) ? 1 : ladder(a, state.node[i]);
      if (bands(chosen.name)) { cuts[a.name] = bands(chosen.name); }
      if (!state.node[i]) { return; }
      at[i] = state.node[i];
      after = engine.figures(at, false).mean;
      steps.push({attribute: a.name, from: a.levels[0].name, to: chosen.name, describe: a.name + ": " + chosen.text,
        risk_before: mean, risk_after: after, loss: chosen.loss, level_from: 0, level_to: levels[a.name], justification: why[a.name] || ""});
      mean = after;
    });
    return {schema: data.plan_schema, tool: {name: "midi-risk", version: data.version}, created: new Date().toISOString(),
      collection_digest: data.digest, threat_models: data.threat_models, k: data.k, found: shown.passed, optimal: false,
      utility: "non-uniform entropy", loss: shown.loss, levels: levels, cut_points: cuts, steps: steps,
      suppressed: {subjects: shown.out, cells: shown.out * axes.length}, before: condition(raw), after: condition(shown), front: [],
      reason: shown.passed ? "" : "these levels leave a figure above its threshold"};
  }

  function take(text, what) {
    var box = one("#tune-text"), said = one(".tune-said");
    box.value = text;
    show(box, true);
    box.focus();
    box.select();
    function done(yes) { said.textContent = yes ? what + " copied." : what + " selected; copy it with the keyboard."; }
    if (navigator.clipboard) { navigator.clipboard.writeText(text).then(function () { done(true); }, function () { done(false); }); } else { done(false); }
  }

  function download(content, more) {
    var link = element("a", "", {download: "plan.json", href: URL.createObjectURL(new Blob([JSON.stringify(content, null, 2) + "\n"], {type: "application/json"}))});
    link.click();
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 1000);
    one(".tune-said").textContent = "plan.json is in your downloads." + (more ? " " + more : shown.out ? " Which subjects are left out is not in this page; the command names them." : "");
  }

  var doings = {
    undo: function () { history.back(); },
    redo: function () { history.forward(); },
    start: function () { go({node: start}); },
    raw: function () { go({node: zero}); },
    plan: function () { go({node: data.plan, out: !planned.passed && planned.atRisk <= data.max_suppressed}); },
    pin: function () { go({pin: state.pin ? null : state.node}); },
    command: function () { take(command(), "Command"); },
    local: function () { take("midi-risk suggest PROJECT --local", "Command"); },
    accept: function () { engine.local().then(function (plan) { download(plan, "The file holds who is left out."); }, failed); },
    lines: function () { take(lines(), "Lines"); },
    download: function () { (engine.plan ? engine.plan(state.node, state.out, needs()) : Promise.resolve().then(plan)).then(download, failed); },
    best: function () {
      section.classList.add("busy");
      engine.best(state.node, state.out, locks()).then(function (found) {
        section.classList.remove("busy");
        if (found.node) { say(same(found.node, state.node) ? "No setting with these locks loses less." : found.note || ""); go({node: found.node}); } else {
          say("No setting with these locks comes within the threshold; the closest leaves " + words.count(found.nearest) + " subjects below " + data.k + ". Unlock an attribute, or leave subjects out.");
        }
      }).catch(failed);
    },
    save: function () {
      var button = one("[data-do=save]"), said = one(".tune-said"), words_ = button.textContent;
      button.disabled = true;
      button.textContent = "Saving …";
      said.textContent = "";
      engine.save(state.node, state.out, needs()).then(function (text) {
        said.textContent = text;
        document.dispatchEvent(new CustomEvent("midi-risk-saved"));
      }, failed).then(function () {
        button.disabled = false;
        button.textContent = words_;
        button.focus();
      });
    }
  };

  all("[data-do]").forEach(function (button) {
    button.addEventListener("click", function () { say(""); doings[button.getAttribute("data-do")](); });
  });
  plans.forEach(function (card, i) {
    var button = card.querySelector("button");
    show(button, true);
    button.addEventListener("click", function () { say(""); go({node: data.plans[i].node, out: data.plans[i].left_out > 0}); });
  });
  fields.forEach(function (field, axis) {
    field.addEventListener("change", function (event) {
      var node = state.node.slice();
      if (event.target.type === "checkbox") { further(asked); return; }
      if (event.target.type !== "radio") { return; }
      say("");
      node[axis] = Number(event.target.value);
      go({node: node});
    });
  });
  one("#tune-out").addEventListener("change", function (event) { go({out: event.target.checked}); });
  one("form").addEventListener("submit", function (event) { event.preventDefault(); });
  addEventListener("popstate", returned);

  // --- beginning
  all(".tune-bar, .tune-take").forEach(function (bar) { show(bar, true); });
  show(one("[data-do=plan]"), Boolean(data.plan));
  if (data.local) {
    show(one("[data-do=local]"), true);
    show(one("[data-do=accept]"), Boolean(engine.local));
  }
  if (engine.extras) { engine.extras(section, axes, failed, function () { return state; }); }
  Promise.all([engine.at(zero, false), data.plan ? engine.at(data.plan, false) : null]).then(function (known) {
    var first = decode(location.hash);
    raw = known[0];
    planned = known[1];
    one("#tune-charts").replaceChildren(curve.figure);
    if (!first && /^#tune=/.test(location.hash)) { say("The address names no setting of this page; it shows the one that was assessed."); }
    if (first && document.getElementById("decision")) { section.scrollIntoView(); }
    return arrive(first || {node: start, out: Boolean(data.served && data.served.out), pin: null});
  }).then(function () { return engine.cloud(); }).then(function (cloud) {
    front = charts.front(cloud, describe, function (node) { go({node: node}); });
    one("#tune-charts").appendChild(front.figure);
    draw(shown);
    section.setAttribute("data-ready", "");
  }).catch(failed);
}());
