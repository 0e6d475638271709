(function () {
  "use strict";
  var root = document.documentElement, opened = [];
  addEventListener("beforeprint", function () {
    if (!root.classList.contains("all")) return;
    document.querySelectorAll("details:not([open])").forEach(function (d) { d.open = true; opened.push(d); });
  });
  addEventListener("afterprint", function () {
    root.classList.remove("all");
    opened.splice(0).forEach(function (d) { d.open = false; });
  });
  function button(id, before) {
    var b = document.getElementById(id);
    b.hidden = false;
    b.addEventListener("click", function () { before(); print(); });
  }
  button("print", function () {});
  button("print-all", function () { root.classList.add("all"); });
  document.querySelectorAll("[data-rows]").forEach(function (box) {
    var size = Number(box.dataset.rows), rows = box.querySelectorAll("tbody tr"), at = 0;
    var last = Math.ceil(rows.length / size) - 1, bar = document.createElement("p");
    if (last < 1) return;
    function step(text, by) {
      var b = document.createElement("button");
      b.type = "button";
      b.textContent = text;
      b.addEventListener("click", function () { at = Math.min(last, Math.max(0, at + by)); show(); });
      bar.append(b);
      return b;
    }
    var back = step("Previous", -1), said = document.createElement("span"), on = step("Next", 1);
    bar.className = "pager";
    said.setAttribute("role", "status");
    bar.insertBefore(said, on);
    function show() {
      rows.forEach(function (row, i) { row.classList.toggle("other-page", i < at * size || i >= (at + 1) * size); });
      said.textContent = "Rows " + (at * size + 1) + " to " + Math.min(rows.length, (at + 1) * size) + " of " + rows.length;
      back.disabled = at === 0;
      on.disabled = at === last;
    }
    box.append(bar);
    show();
  });
})();
