(function () {
  "use strict";
  var table = document.querySelector("table.collections");
  var body = table.tBodies[0];
  var heads = Array.prototype.slice.call(table.tHead.rows[0].cells);
  var field = document.getElementById("find");
  var told = document.getElementById("found");

  function value(row, place, kind) {
    var cell = row.cells[place];
    return kind === "number" ? Number(cell.dataset.value) : cell.textContent.trim().toLowerCase();
  }

  function sort(place) {
    var head = heads[place];
    var kind = head.dataset.sort;
    var first = kind === "number" ? "descending" : "ascending";
    var other = first === "descending" ? "ascending" : "descending";
    var order = head.getAttribute("aria-sort") === first ? other : first;
    var rows = Array.prototype.slice.call(body.rows);
    rows.sort(function (a, b) {
      var one = value(a, place, kind), two = value(b, place, kind);
      var way = one < two ? -1 : one > two ? 1 : 0;
      return order === "ascending" ? way : -way;
    });
    rows.forEach(function (row) { body.appendChild(row); });
    heads.forEach(function (h) { h.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", order);
  }

  heads.forEach(function (head, place) {
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.textContent = "";
    head.appendChild(button);
    button.addEventListener("click", function () { sort(place); });
  });

  field.hidden = false;
  field.addEventListener("input", function () {
    var wanted = field.value.trim().toLowerCase();
    var shown = 0;
    Array.prototype.forEach.call(body.rows, function (row) {
      row.hidden = wanted !== "" && row.textContent.toLowerCase().indexOf(wanted) < 0;
      shown += row.hidden ? 0 : 1;
    });
    told.textContent = wanted === "" ? "" : shown + " of " + body.rows.length;
  });
})();
