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
})();
