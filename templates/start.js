// The review page: forms are answered by the server that the page came from; it is then shown anew.
(function () {
  "use strict";
  var body = document.body, base = body.getAttribute("data-base");
  var said = one(".start-said"), fault = one(".start-fault"), work = one(".start-work"), store = "midi-risk-said";

  function one(selector, root) { return (root || document).querySelector(selector); }
  function all(selector, root) { return Array.prototype.slice.call((root || document).querySelectorAll(selector)); }
  function show(node, text) { node.textContent = text; node.hidden = text === ""; }

  function ask(name, content) {
    return fetch(base + name, {method: "POST", credentials: "omit", body: JSON.stringify(content || {}),
      headers: {"Content-Type": "application/json", "X-Midi-Risk": "1"}}).then(function (answer) {
      return answer.json().then(function (given) {
        if (!answer.ok) { throw new Error(given.fault); }
        return given;
      });
    }, function () {
      throw new Error("The server has stopped. Start midi-risk start again on the same folder; what was saved is in the project file.");
    });
  }

  // What takes long shows how far it is, asked beside it.
  function watched() {
    var on = true, timer = setInterval(function () {
      ask("progress").then(function (now) {
        if (!on || !now.working) { return; }
        work.hidden = false;
        one(".word", work).textContent = now.working.charAt(0).toUpperCase() + now.working.slice(1);
        one(".number", work).textContent = now.total ? now.done.toLocaleString("en") + " of " + now.total.toLocaleString("en") : (now.done ? now.done.toLocaleString("en") : "");
        var bar = one("progress", work);
        if (now.total) { bar.max = now.total; bar.value = now.done; } else { bar.removeAttribute("value"); }
      }, function () {});
    }, 400);
    return function () { on = false; clearInterval(timer); work.hidden = true; };
  }

  function act(name, content, button, to) {
    var stop = watched(), old = button && button.textContent;
    show(fault, "");
    body.setAttribute("aria-busy", "true");
    if (button) { button.disabled = true; }
    var sent = Object.assign(name === "read" ? {} : {digest: body.getAttribute("data-digest")}, content);
    return ask("do/" + name, sent).then(function (answer) {
      if (answer.text) { sessionStorage.setItem(store, JSON.stringify({text: answer.text, at: scrollY, focus: button && button.getAttribute("data-act")})); }
      if (to) { location.href = base + to; } else { location.reload(); }
    }, function (error) {
      stop();
      body.removeAttribute("aria-busy");
      if (button) { button.disabled = false; button.textContent = old; }
      show(fault, error.message);
      fault.scrollIntoView({block: "center"});
    });
  }

  function answers(form) {
    var given = {};
    all("input[name], select[name], textarea[name]", form).forEach(function (f) { given[f.name] = f.value; });
    return given;
  }

  var reading = body.hasAttribute("data-read");
  if (reading) { act("read"); }

  // --- what was said before the page was shown anew
  var before = reading ? null : JSON.parse(sessionStorage.getItem(store) || "null");
  if (!reading) { sessionStorage.removeItem(store); }
  if (before) {
    show(said, before.text);
    if (before.at && before.at < document.documentElement.scrollHeight) { scrollTo(0, before.at); }
    if (before.focus && one("[data-act=" + before.focus + "]")) { one("[data-act=" + before.focus + "]").focus(); }
  }

  all("[data-act]").forEach(function (button) {
    button.addEventListener("click", function () { act(button.getAttribute("data-act"), {}, button); });
  });
  addEventListener("keydown", function (event) {
    var typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== "checkbox" && event.target.type !== "radio";
    if (typing || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") { return; }
    var button = one("[data-act=" + (event.shiftKey ? "redo" : "undo") + "]");
    if (button && !button.disabled) { event.preventDefault(); button.click(); }
  });

  // --- forms
  all("form[data-answer]").forEach(function (form) {
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      act("answer", {form: form.getAttribute("data-answer"), answers: answers(form)}, one("button[type=submit]", form));
    });
  });
  var choose = one("form[data-choose]");
  if (choose) {
    choose.addEventListener("submit", function (event) {
      var choices = {}, keys = {};
      event.preventDefault();
      all("input[data-table]:checked", choose).forEach(function (f) { choices[f.getAttribute("data-table")] = f.value; });
      all("select[data-key]", choose).forEach(function (f) { if (f.value) { keys[f.getAttribute("data-key")] = f.value; } });
      act("choose", {choices: choices, keys: keys}, one("button[type=submit]", choose));
    });
  }

  // --- roles
  var bulk = one("form[data-bulk]");
  if (!bulk) { return; }
  var rows = all("tbody tr[data-role]", bulk), find = one("#find"), only = one("#only"), state = one("#state"), everyone = one("#pick-all");

  function box(row) { return one("input[name=names]", row); }
  function chosen() { return rows.filter(function (row) { return box(row).checked; }); }
  function count() {
    var n = chosen().length, hidden = chosen().filter(function (row) { return row.hidden; }).length;
    one(".chosen .n").textContent = n ? String(n) + (hidden ? " (" + hidden + " not shown)" : "") : "None";
    one("button[type=submit]", bulk).disabled = !n;
  }
  function filter() {
    var words = find.value.toLowerCase().trim(), shown = 0;
    rows.forEach(function (row) {
      var yes = (!words || row.getAttribute("data-text").indexOf(words) >= 0) && (!only.value || (only.value === "-" ? row.getAttribute("data-role") !== "insensitive" : row.getAttribute("data-role") === only.value)) &&
        (!state.value || row.getAttribute("data-state") === state.value);
      row.hidden = !yes;
      if (row.nextElementSibling && row.nextElementSibling.classList.contains("values")) { row.nextElementSibling.hidden = !yes; }
      shown += yes;
    });
    one(".nothing").hidden = shown > 0;
    everyone.checked = false;
    count();
    sessionStorage.setItem("midi-risk-filter", JSON.stringify([find.value, only.value, state.value]));
  }
  [find, only, state].forEach(function (f) { f.addEventListener("input", filter); });
  find.addEventListener("keydown", function (event) { if (event.key === "Enter") { event.preventDefault(); } });
  everyone.addEventListener("change", function () {
    rows.forEach(function (row) { if (!row.hidden) { box(row).checked = everyone.checked; } });
    count();
  });
  rows.forEach(function (row) { box(row).addEventListener("change", count); });
  bulk.addEventListener("submit", function (event) {
    event.preventDefault();
    act("roles", {names: chosen().map(function (row) { return box(row).value; }), role: one("#b-role").value,
      decision: one("#b-decision").value, need: one("#b-need").value}, one("button[type=submit]", bulk));
  });
  all("[data-values]", bulk).forEach(function (button) {
    button.addEventListener("click", function () {
      var row = button.closest("tr"), below = row.nextElementSibling;
      if (below && below.classList.contains("values")) {
        below.remove();
        button.setAttribute("aria-expanded", "false");
        return;
      }
      ask("do/values", {name: button.getAttribute("data-values")}).then(function (found) {
        var line = document.createElement("tr"), cell = line.appendChild(document.createElement("td")), list = cell.appendChild(document.createElement("ul"));
        line.className = "values";
        cell.colSpan = 6;
        found.values.forEach(function (v) {
          var item = list.appendChild(document.createElement("li"));
          item.textContent = v.value + " ";
          item.appendChild(document.createElement("span")).textContent = v.subjects.toLocaleString("en");
        });
        if (found.more) { list.appendChild(document.createElement("li")).textContent = "and " + found.more.toLocaleString("en") + " more"; }
        if (!found.values.length) { list.appendChild(document.createElement("li")).textContent = "no value"; }
        row.after(line);
        button.setAttribute("aria-expanded", "true");
      }, function (error) { show(fault, error.message); fault.scrollIntoView({block: "center"}); });
    });
  });
  one("[data-sheet]").addEventListener("click", function (event) {
    var file = one("#sheet").files[0], reader = new FileReader();
    if (!file) { show(fault, "Choose the edited list first."); return; }
    reader.addEventListener("load", function () {
      act("sheet", {content: String(reader.result).split(",")[1] || ""}, event.target);
    });
    reader.readAsDataURL(file);
  });
  var kept = JSON.parse(sessionStorage.getItem("midi-risk-filter") || "null");
  if (kept) { find.value = kept[0]; only.value = kept[1]; state.value = kept[2]; }
  if (only.selectedIndex < 0) { only.value = "-"; }
  filter();
}());
