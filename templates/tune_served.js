// The served page: every setting is judged by the server that the page came from.
midiTune.served = function (data) {
  "use strict";
  var base = data.served.base;

  function ask(name, body) {
    return fetch(base + name, {method: "POST", credentials: "omit", body: JSON.stringify(body),
      headers: {"Content-Type": "application/json", "X-Midi-Risk": "1"}}).then(function (answer) {
      return answer.json().then(function (content) {
        if (!answer.ok) { throw new Error(content.fault); }
        return content;
      });
    }, function () {
      throw new Error("The server has stopped. Start midi-risk tune again; the command below brings this setting back.");
    });
  }

  // Band edges and roles: the axes may change, so the page is loaded anew.
  function extras(section, axes, failed, now) {
    var box = section.querySelector("#tune-roles .roles"), unsaved = data.served.unsaved;
    function anew() { location.replace(location.pathname); }
    function selected(found) {
      history.replaceState(null, "", "#tune=" + found.node.join(".") + (now().out ? "&out=1" : ""));
      location.reload();
    }
    section.querySelectorAll(".cuts").forEach(function (cuts, i) {
      if (data.served.bands.indexOf(axes[i].name) < 0) { cuts.remove(); return; }
      cuts.querySelector("button").addEventListener("click", function () {
        ask("cuts", {name: axes[i].name, cuts: cuts.querySelector("input").value, node: now().node}).then(selected, failed);
      });
    });
    data.served.attributes.forEach(function (attribute) {
      var label = document.createElement("label"), select = document.createElement("select");
      label.textContent = attribute.label + (unsaved.indexOf(attribute.name) < 0 ? "" : " (not saved)");
      data.served.roles.forEach(function (role) {
        var option = select.appendChild(document.createElement("option"));
        option.value = role;
        option.textContent = role.replace("_", " ");
        option.selected = role === attribute.role;
      });
      select.addEventListener("change", function () {
        ask("role", {name: attribute.name, role: select.value}).then(anew, function (fault) {
          select.value = attribute.role;
          failed(fault);
        });
      });
      label.appendChild(select);
      box.appendChild(label);
    });
  }

  return {
    at: function (node, out) { return ask("node", {node: node, out: out}); },
    steps: function (node, out, locked) { return ask("steps", {node: node, out: out, locked: locked}); },
    best: function (node, out, locked) { return ask("best", {node: node, out: out, locked: locked}); },
    cloud: function () { return ask("cloud", {}); },
    local: function () { return ask("local", {}); },
    plan: function (node, out, needs) { return ask("plan", {node: node, out: out, needs: needs}); },
    save: function (node, out, needs) {
      return ask("save", {node: node, out: out, needs: needs}).then(function (done) { return done.text; });
    },
    extras: extras
  };
};
