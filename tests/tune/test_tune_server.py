"""The served page answers its own page alone, says what Python says, and saves what it shows."""

from __future__ import annotations

import html
import json
import socket
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from tune_tables import models, subject_table

from midi_risk.attributes.hierarchy import build_hierarchy
from midi_risk.attributes.model import Decision, Kind
from midi_risk.errors import MidiRiskError, OutputError
from midi_risk.report import load_plan
from midi_risk.tune import page as page_module
from midi_risk.tune import plan_at, server
from midi_risk.tune.changes import Desk, band_edges, digest_of
from midi_risk.tune.session import MAX_POINTS, Bench, Session

pytest.importorskip("starlette", reason="the extra tune is not installed")
testclient = pytest.importorskip("starlette.testclient", reason="httpx is not installed")

from midi_risk.tune.server import Idle, application  # noqa: E402

HOST = "127.0.0.1:8750"
ASK = {"X-Midi-Risk": "1"}
PROJECT = """\
schema: midi-risk/project/1
collection: {name: x, sources: [{table: t.csv}]}
# agreed on 3 May
attributes:
  age: {role: quasi_identifier}   # years
  sex: {role: quasi_identifier, decision: retain, need: "dose"}
"""


def desk_of(folder: Path, table=None, *, project: bool = True) -> Desk:
    file = folder / "midi-risk.yaml"
    if project:
        file.write_text(PROJECT, encoding="utf-8")
        file.chmod(0o640)
    table = table or subject_table(200)
    bench = Bench(
        title="Lung <b>CT</b>", table=table, models=models(5), attributes=table.attributes,
        fold=lambda revised: subject_table_with(table, revised),
        project_file=file if project else None,
        project_digest=digest_of(PROJECT) if project else "",
        pending=lambda: ["faces were not assessed"],
    )  # fmt: skip
    return Desk(session=Session(bench=bench), output=folder / "out")


def subject_table_with(table, attributes):
    return replace(table, attributes=attributes)


@pytest.fixture
def desk(tmp_path):
    return desk_of(tmp_path)


@pytest.fixture
def client(desk):
    app = application(desk, token="secret", hosts=frozenset({HOST}))  # noqa: S106
    return testclient.TestClient(app, base_url=f"http://{HOST}")


def test_the_page_is_served_with_its_policy_and_without_cross_origin_headers(client):
    page = client.get("/secret/")
    assert page.status_code == 200
    assert "connect-src 'self'" in html.unescape(page.text)
    assert "Lung &lt;b&gt;CT&lt;/b&gt;" in page.text
    assert "faces were not assessed" in page.text
    headers = {name.lower(): value for name, value in page.headers.items()}
    assert headers["cache-control"] == "no-store"
    assert headers["x-frame-options"] == "DENY"
    assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {}, 404),
        ("/other/", {}, 404),
        ("/secret", {}, 404),
        ("/secret/", {"Host": "evil.example"}, 421),
        ("/secret/", {"Host": "127.0.0.1:1"}, 421),
        ("/secret/", {"Origin": "http://evil.example"}, 403),
        ("/secret/", {"Origin": "null"}, 403),
    ],
)
def test_others_are_refused(client, path, headers, status):
    assert client.get(path, headers=headers).status_code == status


def test_a_form_of_another_page_cannot_ask(client):
    body = {"node": [0, 0, 0, 0]}
    assert client.post("/secret/node", json=body).status_code == 403
    assert client.post("/secret/node", content="{}", headers=ASK).status_code == 403
    assert client.post("/secret/node", json=body, headers=ASK).status_code == 200
    long = {**body, "pad": "x" * 200_000}
    assert client.post("/secret/node", json=long, headers=ASK).status_code == 403
    assert client.options("/secret/node", headers=ASK).status_code == 405


@pytest.mark.parametrize(
    "body",
    ["{}", "[]", '{"node": "x"}', '{"node": [99, 0, 0, 0]}', '{"node": [0]}', '{"node": null}',
     '"no"', "3", '{"node": [1e999, 0, 0, 0]}', '{"node": [NaN, 0, 0, 0]}', "[" * 20_000, "{",
     "\ud800".encode("utf-16", "surrogatepass"), b"\xff\xfe"],
)  # fmt: skip
def test_nonsense_is_one_line(client, body):
    headers = ASK | {"Content-Type": "application/json"}
    answer = client.post("/secret/node", content=body, headers=headers)
    assert answer.status_code == 400
    assert "\n" not in answer.json()["fault"]


def test_every_figure_is_that_of_the_python_interface(client, desk):
    session = desk.session
    rng = np.random.default_rng(1)
    for _ in range(8):
        node = [int(rng.integers(0, len(a.levels))) for a in session.axes.axes]
        for out in (False, True):
            now = client.post("/secret/node", json={"node": node, "out": out}, headers=ASK).json()
            plan = plan_at(
                session.table,
                session.bench.models,
                session.levels(node),
                hierarchies=session.hierarchies,
                max_suppression=session.most_share,
                leave_out=out,
            )
            assert (now["smallest"], now["classes"]) == (plan.after.k, plan.after.classes)
            assert now["passed"] is plan.after.passed
            assert now["out"] == plan.suppressed.subjects
            assert now["loss"] == pytest.approx(plan.loss)
            assert now["measures"] == pytest.approx(plan.after.measures)


def test_steps_lower_the_risk_or_keep_it_within(client, desk):
    start = [0] * len(desk.session.axes.axes)
    free = [False] * len(start)
    found = client.post("/secret/steps", json={"node": start, "locked": free}, headers=ASK).json()
    now = client.post("/secret/node", json={"node": start}, headers=ASK).json()
    assert found["down"]
    assert not found["up"]
    assert all(step["figures"]["mean"] < now["mean"] for step in found["down"])
    ends = [len(a.levels) - 1 for a in desk.session.axes.axes]
    back = client.post("/secret/steps", json={"node": ends, "locked": free}, headers=ASK).json()
    assert back["up"]
    assert all(step["figures"]["passed"] for step in back["up"])


def test_locked_attributes_stay_when_the_rest_is_optimised(client, desk):
    start = [0] * len(desk.session.axes.axes)
    names = [axis.name for axis in desk.session.axes.axes]
    locked = [name == "sex" for name in names]
    found = client.post(
        "/secret/best", json={"node": start, "locked": locked, "out": True}, headers=ASK
    ).json()
    assert found["node"][names.index("sex")] == 0
    now = client.post("/secret/node", json={"node": found["node"], "out": True}, headers=ASK)
    assert now.json()["passed"]
    none = client.post(
        "/secret/best", json={"node": start, "locked": [True] * len(start)}, headers=ASK
    ).json()
    assert none["node"] is None
    assert none["nearest"] > 0


def test_the_cloud_has_the_front_of_the_lattice(client, desk):
    cloud = client.post("/secret/cloud", json={}, headers=ASK).json()
    nodes = int(np.prod([len(a.levels) for a in desk.session.axes.axes]))
    assert len(cloud["points"]) == nodes or MAX_POINTS / 4 < len(cloud["points"]) <= MAX_POINTS
    for point in cloud["front"]:
        now = desk.session.figures(point["node"])
        assert now["atRisk"] == point["below"]
        assert now["loss"] == pytest.approx(point["loss"])
    risks = [point["below"] for point in cloud["front"]]
    assert risks == sorted(risks, reverse=True)


def test_saving_writes_the_plan_and_only_the_lines_of_the_attributes(client, desk, tmp_path):
    session = desk.session
    names = [axis.name for axis in session.axes.axes]
    node = [len(axis.levels) - 1 for axis in session.axes.axes]
    age = session.axes.axes[names.index("age")]
    node[names.index("age")] = age.levels.index(age.hierarchy.level_of("10y"))
    node[names.index("sex")] = 0
    answer = client.post(
        "/secret/save", json={"node": node, "needs": {"age": "by\ndecade \u202e"}}, headers=ASK
    )
    assert answer.status_code == 200, answer.text
    file = tmp_path / "midi-risk.yaml"
    text = file.read_text(encoding="utf-8")
    assert "# agreed on 3 May\n" in text
    assert "# years\n" in text
    settings = yaml.safe_load(text)["attributes"]
    level = session.axes.axes[names.index("age")].hierarchy.level_names[session.levels(node)["age"]]
    assert settings["age"] == {
        "role": "quasi_identifier", "decision": "generalise", "level": level,
        "need": "by decade ⟨U+202E⟩",
    }  # fmt: skip
    assert settings["sex"] == {"role": "quasi_identifier", "decision": "retain", "need": "dose"}
    assert settings["visit"] == {"role": "quasi_identifier", "decision": "remove"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    plan = load_plan(tmp_path / "out" / "plan.json")
    at = {
        n: v if (b := session.beside.get(n)) is None else b.settled(v)[0]
        for n, v in session.levels(node).items()
    }
    assert plan.levels == at
    assert plan.levels["age"] == session.beside["age"].ladder.level_of("10y")
    assert plan.after.passed == session.figures(node)["passed"]


def test_a_decision_that_a_colleague_made_meanwhile_is_not_lost(client, desk, tmp_path):
    file = tmp_path / "midi-risk.yaml"
    theirs = PROJECT + '  scanner: {decision: remove, need: "one site has it"}\n'
    file.write_text(theirs, encoding="utf-8")
    node = [0] * len(desk.session.axes.axes)
    answer = client.post("/secret/save", json={"node": node}, headers=ASK)
    assert answer.status_code == 400
    assert "was changed since this page read it" in answer.json()["fault"]
    assert file.read_text(encoding="utf-8") == theirs
    assert not (tmp_path / "out").exists()


def test_saving_twice_writes_what_changed_and_takes_it_back(client, desk, tmp_path):
    file = tmp_path / "midi-risk.yaml"
    names = [axis.name for axis in desk.session.axes.axes]
    node = [0] * len(names)
    age = desk.session.axes.axes[names.index("age")].hierarchy
    for place in (age.level_of("5y"), age.level_of("10y"), 0):
        node[names.index("age")] = desk.session.axes.axes[names.index("age")].levels.index(place)
        answer = client.post("/secret/save", json={"node": node}, headers=ASK)
        assert answer.status_code == 200, answer.text
        age = yaml.safe_load(file.read_text(encoding="utf-8"))["attributes"]["age"]
        axis = desk.session.axes.axes[names.index("age")]
        level = axis.hierarchy.level_names[place]
        assert age.get("level") == (level if place else None)
        assert age["decision"] == ("generalise" if place else "retain")


def test_what_the_file_says_already_is_not_written_again(tmp_path):
    table = subject_table(200, scanner=1, visit=Decision.REMOVE)
    desk = desk_of(tmp_path, table)
    last = {a.name: len(a.levels) - 1 for a in desk.session.axes.axes}
    node = [
        {"age": 1, "sex": 0, "scanner": 1, "visit": last["visit"]}[a.name]
        for a in desk.session.axes.axes
    ]
    desk.save(node, {"sex": "dose"}, leave_out=False)
    attributes = yaml.safe_load((tmp_path / "midi-risk.yaml").read_text())["attributes"]
    assert set(attributes) == {"age", "sex"}


def test_nothing_is_written_when_one_of_the_files_cannot_be(client, desk, tmp_path):
    (tmp_path / "out" / "plan.json").mkdir(parents=True)
    sent = {"name": "age", "cuts": "40, 65", "node": [0] * len(desk.session.axes.axes)}
    node = client.post("/secret/cuts", json=sent, headers=ASK).json()["node"]
    answer = client.post("/secret/save", json={"node": node}, headers=ASK)
    assert answer.status_code == 400
    assert "is a folder" in answer.json()["fault"]
    assert (tmp_path / "midi-risk.yaml").read_text(encoding="utf-8") == PROJECT


def test_a_fault_of_the_program_is_one_line_without_values(client, desk, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("JANE DOE")

    monkeypatch.setattr(desk.session, "figures", broken)
    answer = client.post("/secret/node", json={"node": [0, 0, 0, 0]}, headers=ASK)
    assert answer.status_code == 500
    assert "RuntimeError" in answer.json()["fault"]
    assert "JANE" not in answer.text


def test_a_project_file_that_cannot_be_edited_stays_and_nothing_is_written(tmp_path):
    desk = desk_of(tmp_path)
    file = tmp_path / "midi-risk.yaml"
    broken = PROJECT + "  scanner: &a {role: insensitive}\n  visit: *a\n"
    file.write_text(broken, encoding="utf-8")
    desk.session.bench.project_digest = digest_of(broken)
    node = [len(a.levels) - 1 if a.name == "visit" else 0 for a in desk.session.axes.axes]
    with pytest.raises(MidiRiskError, match="cannot be edited"):
        desk.save(node, {}, leave_out=False)
    assert file.read_text(encoding="utf-8") == broken
    assert not (tmp_path / "out").exists()


def test_without_a_project_file_only_the_plan_is_written(tmp_path):
    desk = desk_of(tmp_path, project=False)
    said = desk.save([0] * len(desk.session.axes.axes), {}, leave_out=False)
    assert "no project file" in said
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_bands_of_ones_own_are_selected_beside_the_ladder_and_saved_as_a_rule(
    client, desk, tmp_path
):
    session = desk.session
    names = [axis.name for axis in session.axes.axes]
    before = session.axes.axes[names.index("age")].hierarchy.level_names
    start = [axis.levels.index(axis.start) for axis in session.axes.axes]
    sent = {"name": "age", "cuts": "40, 65", "node": start}
    done = client.post("/secret/cuts", json=sent, headers=ASK)
    assert done.status_code == 200, done.text
    node = done.json()["node"]
    age = session.axes.axes[names.index("age")]
    assert set(before) <= set(age.hierarchy.level_names)
    chosen = age.levels[node[names.index("age")]]
    assert age.hierarchy.level_names[chosen] == "cuts:40,65"
    assert age.hierarchy.apply(chosen, ["39", "40", "70"]) == ["0-39", "40-64", "65+"]
    assert [n for at, n in enumerate(node) if at != names.index("age")] == [
        n for at, n in enumerate(start) if at != names.index("age")
    ]
    assert client.post("/secret/save", json={"node": node}, headers=ASK).status_code == 200
    settings = yaml.safe_load((tmp_path / "midi-risk.yaml").read_text(encoding="utf-8"))
    stated = settings["attributes"]["age"]
    assert (stated["hierarchy"], stated["level"]) == ([{"cuts": [40, 65]}], 1)
    plan = json.loads((tmp_path / "out" / "plan.json").read_text(encoding="utf-8"))
    assert plan["levels"]["age"] == 1
    assert plan["cut_points"]["age"] == [40, 65]
    assert len(plan["hierarchies"]["age"]) == 3
    again = {"name": "age", "cuts": "", "node": node}
    back = client.post("/secret/cuts", json=again, headers=ASK)
    assert back.status_code == 200
    assert session.axes.axes[names.index("age")].hierarchy.level_names == before
    moved = [*back.json()["node"]]
    moved[names.index("age")] = session.axes.axes[names.index("age")].levels.index(
        before.index("5y")
    )
    assert client.post("/secret/save", json={"node": moved}, headers=ASK).status_code == 200
    settings = yaml.safe_load((tmp_path / "midi-risk.yaml").read_text(encoding="utf-8"))
    assert "hierarchy" not in settings["attributes"]["age"]
    assert settings["attributes"]["age"]["level"] == "5y"


def test_each_plan_is_a_node_of_the_served_page_with_its_own_figures(desk):
    session = desk.session
    plans = session.lattice.plans
    assert len(plans) >= 2
    for plan in plans:
        figures = session.figures(plan.node, leave_out=plan.left_out > 0)
        assert figures["passed"]
        assert figures["out"] == plan.left_out
        assert figures["loss"] == pytest.approx(plan.loss, abs=1e-9)
        stated = session.planned(plan.node, leave_out=plan.left_out > 0)
        assert stated.found
        of = session.plan if plan.number == 0 else session.plan.alternatives[plan.number - 1]
        assert stated.levels == of.levels
        assert stated.cut_points == of.cut_points
        assert stated.groups == of.groups


@pytest.mark.parametrize("text", ["65, 40", "forty", "1, 1", "nan", "inf"])
def test_band_edges_that_are_none_are_one_line(text):
    with pytest.raises(MidiRiskError, match="band edges"):
        band_edges(text)


def test_ages_are_cut_in_years_whatever_their_unit():
    made = build_hierarchy("age", Kind.AGE, ["018M", "039Y", "040Y", "90+", "?"], cuts=[40, 65])
    values = ["018M", "039Y", "040Y", "90+", "?"]
    assert made.apply("bands", values) == ["0-39", "0-39", "40-64", "65+", "*"]


def test_a_category_has_no_band_edges(client):
    answer = client.post(
        "/secret/cuts", json={"name": "sex", "cuts": "1", "node": [0, 0, 0, 0]}, headers=ASK
    )
    assert answer.status_code == 400
    assert "no band edges" in answer.json()["fault"]


def test_a_role_changes_the_classes_and_is_saved(client, desk, tmp_path):
    before = len(desk.session.axes.axes)
    answer = client.post("/secret/role", json={"name": "visit", "role": "sensitive"}, headers=ASK)
    assert answer.status_code == 200
    assert len(desk.session.axes.axes) == before - 1
    assert "visit (not saved)" not in client.get("/secret/").text  # the script writes it
    node = [0] * (before - 1)
    assert client.post("/secret/save", json={"node": node}, headers=ASK).status_code == 200
    settings = yaml.safe_load((tmp_path / "midi-risk.yaml").read_text(encoding="utf-8"))
    assert settings["attributes"]["visit"] == {"role": "sensitive"}
    wrong = client.post("/secret/role", json={"name": "visit", "role": "quasi"}, headers=ASK)
    assert wrong.status_code == 400
    assert "no role" in wrong.json()["fault"]


def test_the_last_quasi_identifier_cannot_be_taken_away(tmp_path):
    table = subject_table(60)
    desk = desk_of(tmp_path, table)
    for name in ("age", "sex", "scanner"):
        desk.set_role(name, "insensitive")
    with pytest.raises(MidiRiskError, match="nothing to tune"):
        desk.set_role("visit", "insensitive")
    assert [axis.name for axis in desk.session.axes.axes] == ["visit"]
    assert desk.session.figures([0])["subjects"] == 60


def test_decisions_of_the_project_give_the_start(tmp_path):
    desk = desk_of(tmp_path, subject_table(200, age=3, visit=Decision.REMOVE))
    starts = {axis.name: axis.start for axis in desk.session.axes.axes}
    assert starts["age"] == 3
    assert starts["visit"] == desk.session.last["visit"]


def test_a_taken_port_gives_the_next_and_none_is_one_line(monkeypatch):
    first = server.free_socket(20_750)
    try:
        taken = first.getsockname()[1]
        second = server.free_socket(taken)
        second.close()
        assert second.fileno() == -1
        monkeypatch.setattr(server, "TRIES", 1)
        with pytest.raises(OutputError, match=r"no free port.*--port"):
            server.free_socket(taken)
    finally:
        first.close()


def test_it_listens_on_loopback_alone():
    listener = server.free_socket(20_780)
    try:
        assert listener.getsockname()[0] == "127.0.0.1"
        assert listener.family == socket.AF_INET
    finally:
        listener.close()


def test_nobody_asking_is_idle():
    clock = Idle(0.0)
    assert clock.over
    assert not Idle(60).over


def test_it_stops_by_itself_and_says_where_it_was(desk):
    said = []
    server.serve(
        desk.session.bench, desk.output, port=20_800, idle=0.3, browser=False, say=said.append
    )
    assert "http://127.0.0.1:" in said[0]
    assert said[-1] == "The tuning page is closed."


def test_a_missing_extra_is_one_line(monkeypatch):
    monkeypatch.setattr(page_module, "find_spec", lambda _: None)
    with pytest.raises(MidiRiskError, match=r"starlette and uvicorn.*midi-risk\[tune\]"):
        page_module.check_extra()


def test_a_package_inside_another_that_is_missing_is_missing(monkeypatch):
    monkeypatch.setattr(page_module, "PACKAGES", ("starlette", "nowhere_at_all.yaml"))
    with pytest.raises(MidiRiskError, match=r"needs nowhere_at_all\.yaml"):
        page_module.check_extra()
