"""How each figure may leave: what a reader of the shareable edition cannot work out.

Every test goes through the rendered page or `view`, with the figures of a reader
who subtracts, divides and compares. No test relies on the shape of the view.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from page_reader import Page, read
from report_documents import assessment_document

import midi_risk as mr
from midi_risk.document.assessment import Assessment
from midi_risk.document.conditions import CONDITIONS, Evidence, shown
from midi_risk.document.reasons import WITHIN, reason, status_of
from midi_risk.report import ReportView, report, view

K = 11
N = 388


def page_of(document: dict[str, Any]) -> Page:
    """Return the shareable page of a document."""
    return read(report(Assessment.model_validate(document), edition="shareable").html)


def shareable(document: dict[str, Any]) -> ReportView:
    """Return what the shareable page of a document shows."""
    return view(Assessment.model_validate(document), edition="shareable")


def judged(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with the verdict that its parts give, one more reason among them."""
    within = {"status": "acceptable", "governing": None, "reasons": [reason(WITHIN).model_dump()]}
    made = Assessment.model_validate(document | {"verdict": within})
    found = [*shown(Evidence.of(made), *CONDITIONS), reason("unidentified_files", files=1,
                                                            tolerated=0)]  # fmt: skip
    status = status_of([each.code for each in found])
    stated = [each.model_dump() for each in found]
    return document | {"verdict": within | {"status": status, "reasons": stated}}


def numbers(node: Any) -> Iterator[float]:
    """Yield every number of a view, at every depth."""
    if isinstance(node, dict):
        for part in node.values():
            yield from numbers(part)
    elif isinstance(node, (list, tuple)):
        for part in node:
            yield from numbers(part)
    elif isinstance(node, (int, float)) and not isinstance(node, bool):
        yield float(node)


def figures(document: dict[str, Any]) -> set[float]:
    """Return every number of the shareable view of a document."""
    return set(numbers(shareable(document).to_dict()))


def link(document: dict[str, Any], **counts: int) -> list[str]:
    """Return the row of the only joined source on the page: matched, orphans, unmatched."""
    document["links"][0] |= counts
    return page_of(document).tables["links"][1][1:4]


@pytest.mark.parametrize("few", [1, K - 1])
@pytest.mark.parametrize("part", ["orphans", "unmatched_subjects"])
def test_matched_subjects_are_withheld_where_they_would_give_a_small_part_away(part, few):
    counts = {"matched": 366, "orphans": 22, "unmatched_subjects": 22} | {part: few}
    shown = link(assessment_document(), **counts)
    assert shown[0] == "withheld"
    assert "< 11" in shown[1:]


@pytest.mark.parametrize("few", [0, K, 40])
def test_matched_subjects_are_shown_where_no_small_part_hangs_on_them(few):
    shown = link(assessment_document(), matched=366, orphans=few, unmatched_subjects=few)
    assert shown[0] == "365"


def at_risk(document: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return the document with one share of subjects at risk changed."""
    (result,) = [r for r in document["threats"][0]["results"]
                 if r["measure"] == "prosecutor_at_risk"]  # fmt: skip
    result |= fields
    return document


WIDE = {"value": 200 / N, "lower": 100 / N, "upper": 300 / N}


@pytest.mark.parametrize("kind", ["exact", "bound", "estimate"])
@pytest.mark.parametrize("end", ["value", "lower", "upper"])
def test_no_figure_of_a_share_of_few_or_nearly_all_subjects_leaves(kind, end):
    plain = figures(at_risk(assessment_document(), kind=kind, **WIDE))
    for few in (1, 3, K - 1, N - K + 1):
        given = at_risk(assessment_document(), kind=kind, **(WIDE | {end: few / N}))
        share = float(f"{few / N:.2g}")
        assert share not in plain
        assert share not in figures(given)


@pytest.mark.parametrize("kind", ["bound", "estimate"])
def test_the_ends_of_a_share_tell_no_more_than_rounded_counts(kind):
    plain = figures(at_risk(assessment_document(), kind=kind, **WIDE))
    ends = {"lower": 42 / N, "upper": 62 / N}
    found = figures(at_risk(assessment_document(), kind=kind, value=52 / N, **ends)) - plain
    assert {0.1, 0.15} <= found | plain
    assert not {0.11, 0.13, 0.16} & found


def test_an_exact_share_has_no_interval():
    plain = figures(at_risk(assessment_document(), kind="exact", **(WIDE | {"value": 0.5})))
    assert not {0.26, 0.77, 0.2577, 0.7732} & plain


@pytest.mark.parametrize("kind", ["exact", "bound", "estimate"])
def test_the_page_shows_a_share_of_few_subjects_as_below_k_and_no_interval(kind):
    few = {"kind": kind, "value": 3 / N, "lower": 2 / N, "upper": 4 / N}
    page = page_of(at_risk(assessment_document(), **few))
    value, interval = page.tables["results-1"][3][1:3]
    assert value == "under 2.8 %, < 11 of 390"
    assert not any(digit.isdigit() for digit in interval)


def channel(name: str, **fields: Any) -> dict[str, Any]:
    """Return one channel."""
    entry = {"status": "assessed", "value": 0.0, "lower": 0.0, "upper": 0.0, "required": True}
    made = {"name": name, "evidence": "looked at"} | entry | fields
    return made | {"limit": 1 / K if made["required"] else None}


def reasons(document: dict[str, Any]) -> str:
    """Return the reasons that the page gives, a document without any other one at hand."""
    document["attributes"] = []
    document["threats"] = []
    document["collection"]["files"]["unreadable"] = 0
    return page_of(judged(document)).text


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"value": 0.5, "upper": 0.5}, True),
        ({"value": 0.01, "upper": 0.5}, True),
        ({"value": 0.5, "upper": None}, True),
        ({"value": None, "lower": None, "upper": 0.5, "status": "bounded"}, True),
        ({"value": 1 / K, "upper": 1 / K}, False),
        ({"value": 0.01, "upper": 0.02}, False),
        ({"value": 0.5, "upper": 0.5, "required": False}, True),
        ({"value": 0.05, "upper": 0.05, "required": False}, False),
    ],
)
def test_the_verdict_names_the_channels_that_the_assessment_finds_above(fields, named):
    document = assessment_document()
    document["channels"] = [channel("device_site", **fields)]
    assert ("Channels above the threshold" in reasons(document)) is named


@pytest.mark.parametrize("required", [True, False])
def test_the_verdict_names_only_required_channels_as_not_assessed(required):
    document = assessment_document()
    nothing = {"status": "not_assessed", "value": None, "lower": None, "upper": None}
    document["channels"] = [channel("face", required=required, **nothing)]
    assert ("Required, but not assessed" in reasons(document)) is required


def attribute(role: str, **fields: Any) -> dict[str, Any]:
    """Return one attribute of a role."""
    row = dict(assessment_document()["attributes"][0])
    return row | {"name": "PatientName", "role": role, "contribution": None} | fields


@pytest.mark.parametrize(
    ("role", "fields", "said"),
    [
        ("undecided", {"decision": None}, "Role undecided: PatientName."),
        ("undecided", {"decision": "remove"}, ""),
        ("direct_identifier", {"decision": None}, "Direct identifiers without a decision"),
        ("direct_identifier", {"decision": None, "distinct": 0}, ""),
        ("direct_identifier", {"decision": "remove"}, ""),
        ("direct_identifier", {"decision": "retain"}, "Direct identifiers that are retained"),
        ("direct_identifier", {"decision": "generalise"}, "Direct identifiers that are retained"),
        ("direct_identifier", {"decision": "retain", "distinct": 0}, ""),
    ],
)
def test_the_verdict_names_attributes_only_for_what_is_open_or_kept(role, fields, said):
    document = assessment_document()
    document["channels"] = []
    document["attributes"] = [attribute(role, **fields)]
    document["threats"] = []
    text = page_of(judged(document)).text
    every = ("Role undecided:", "Direct identifiers without", "Direct identifiers that are")
    assert [head in text for head in every] == [said.startswith(head) for head in every]


def test_a_figure_without_a_threshold_has_not_failed():
    document = assessment_document()
    for threat in document["threats"]:
        for result in threat["results"]:
            result["passed"] = True if result["passed"] is not None else None
    assert "above the threshold on" not in page_of(judged(document)).text


def _uniques(d: dict[str, Any], n: int) -> None:
    d["measures"]["sample_uniques"] = n


def _combination(d: dict[str, Any], n: int) -> None:
    d["measures"]["combinations"][0]["below_k"] = n


def _finding(d: dict[str, Any], n: int) -> None:
    d["findings"][0]["subjects"] = n


def _missing(d: dict[str, Any], n: int) -> None:
    d["attributes"][0]["missing"] = n


def _visits(d: dict[str, Any], n: int) -> None:
    d["measures"]["trajectory"][0] |= {"unique": n, "subjects": N}


def _sample(d: dict[str, Any], n: int) -> None:
    d["context"]["quality"]["sample"] = n


def _before(d: dict[str, Any], n: int) -> None:
    d["plan"]["before"]["at_risk"] = n / N


def _journalist(d: dict[str, Any], n: int) -> None:
    d["plan"]["before"]["measures"] = {"journalist_at_risk": n / N}


PARTS = {
    "sample uniques": _uniques, "combination": _combination, "finding": _finding,
    "missing": _missing, "visits": _visits, "quality sample": _sample, "before": _before,
    "measure of the plan": _journalist,
}  # fmt: skip


def states(node: Any) -> list[str]:
    """Return the states of all counts of a view."""
    if isinstance(node, dict):
        own = [node["state"]] if set(node) == {"state", "value", "k"} else []
        return own + [s for part in node.values() for s in states(part)]
    return [s for part in node for s in states(part)] if isinstance(node, (list, tuple)) else []


@pytest.mark.parametrize("rest", [1, K - 1])
@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_leaves_only_a_few_others_is_not_shown(part, rest):
    def hidden(n: int) -> int:
        document = assessment_document()
        PARTS[part](document, n)
        return states(shareable(document).to_dict()).count("all_but")

    assert hidden(N - rest) == hidden(N - 2 * K) + 1


@pytest.mark.parametrize("few", [1, 3, K - 1])
def test_a_share_of_few_subjects_in_the_plan_is_no_number(few):
    document = assessment_document()
    document["plan"]["before"] |= {
        "at_risk": few / N, "measures": {"journalist_at_risk": few / N}
    }  # fmt: skip
    assert float(f"{few / N:.2g}") not in figures(document) - figures(assessment_document())


def left_out(document: dict[str, Any]) -> tuple[str, str]:
    """Return the rows of the page about subjects left out and cells emptied."""
    rows = {row[0]: row[2] for row in page_of(document).tables["before-after"]}
    return rows["Subjects left out"], rows["Cells emptied"]


@pytest.mark.parametrize(("subjects", "told"), [(1, False), (K - 1, False), (K, True), (40, True)])
def test_nothing_after_the_plan_tells_how_few_subjects_it_leaves_out(subjects, told):
    document = assessment_document()
    document["plan"]["suppressed"] = {"subjects": subjects, "cells": 5 * subjects}
    document["plan"]["suppressed_subjects"] = [f"LUNG-{i:04d}" for i in range(subjects)]
    document["plan"]["after"]["subjects"] = N - subjects
    counted, cells = left_out(document)
    assert ("< 11" in counted) is not told
    assert (cells == "withheld") is not told
    assert (shareable(document).plan.after.subjects.value is None) is not told


@pytest.mark.parametrize(("subjects", "told"), [(1, False), (K - 1, False), (K, True)])
def test_emptied_cells_are_told_only_where_they_are_of_k_subjects(subjects, told):
    document = assessment_document()
    keys = [f"LUNG-{i:04d}" for i in range(subjects)]
    cells = {"PatientAge": keys, "StudyDate": keys}
    document["plan"]["suppressed"] = {
        "subjects": 0, "cells": 2 * subjects, "emptied": 2 * subjects
    }  # fmt: skip
    document["plan"] |= {"suppressed_subjects": [], "suppressed_cells": cells}
    assert (left_out(document)[1] == "withheld") is not told
    assert ("empties some cells" in page_of(document).text) is not told


def test_emptied_cells_are_not_told_when_nobody_knows_of_whom_they_are():
    document = assessment_document()
    document["plan"]["suppressed"] = {"subjects": 0, "cells": 40, "emptied": 40}
    document["plan"] |= {"suppressed_subjects": [], "suppressed_cells": {}}
    assert left_out(document)[1] == "withheld"


@pytest.mark.parametrize(("subjects", "told"), [(1, False), (K - 1, False), (K, True)])
def test_figures_for_users_of_images_leave_only_with_k_subjects_behind_them(subjects, told):
    document = assessment_document()
    document["plan"]["imaging"] = [
        {
            "name": "suv_error", "attributes": ["PatientWeight"], "state": "coarsened",
            "rule": "PatientWeight: 10 kg bands", "subjects": subjects,
            "measures": {"median_relative": 0.0337, "largest_relative": 0.0893,
                         "reference_relative": 0.3},
        }
    ]  # fmt: skip
    found = figures(document)
    assert (0.034 in found) is told
    assert 0.089 not in found
    assert 0.0893 not in found


@pytest.mark.parametrize("day", [91827, 367])
def test_a_width_of_days_longer_than_a_year_is_no_width(day):
    document = assessment_document()
    document["measures"]["trajectory"][0]["bin_days"] = day
    assert float(day) not in figures(document)


@pytest.mark.parametrize("text", ["/home/ann/env", "2.4.6\nZitronenfalter", "ann@clinic.example"])
def test_a_version_that_is_none_does_not_leave(text):
    document = assessment_document()
    document["provenance"]["versions"] = {"numpy": text}
    assert text.split()[-1] not in page_of(document).text


def test_contributions_leave_as_steps_of_a_twentieth():
    made = shareable(assessment_document())
    shares = [a.contribution for a in made.attributes if a.contribution is not None]
    assert len(shares) == 5
    assert all(re.fullmatch(r"\d\.\d[05]?", f"{share:g}") or share in {0, 1} for share in shares)


def alike(folder, n):
    """Return the assessment of a table in which everybody is alike."""
    file = folder / f"{n}.csv"
    rows = "".join(f"s{i:03d},M\n" for i in range(n))
    file.write_text("id,sex\n" + rows, encoding="utf-8")
    extraction = mr.extract(str(file))
    table = mr.fold(extraction, mr.propose(extraction))
    return mr.assess(table, threats=["public-release"]), mr.suggest(table)


def test_one_class_of_few_does_not_tell_how_many_there_are(tmp_path):
    assessment, plan = alike(tmp_path, 7)
    assert assessment.measures.k == 7
    told = set(numbers(view(assessment, plan, edition="shareable").to_dict()))
    assert not {7, 1 / 7, 0.14} & told
    html = report(assessment, plan, edition="shareable").html
    assert "k = 7" not in html
    assert "0.14" not in html
    assert view(alike(tmp_path, 28)[0], edition="shareable").measures.k.value == 30
