(function () {
  "use strict";
  var opened = [];
  addEventListener("beforeprint", function () {
    document.querySelectorAll("details:not([open])").forEach(function (d) { d.open = true; opened.push(d); });
  });
  addEventListener("afterprint", function () {
    opened.splice(0).forEach(function (d) { d.open = false; });
  });
  var button = document.getElementById("print");
  button.hidden = false;
  button.addEventListener("click", function () { print(); });
})();
