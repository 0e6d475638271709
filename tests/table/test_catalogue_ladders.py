"""Every attribute of the catalogue, read, folded and generalised, awkward values and all."""

from __future__ import annotations

from pathlib import Path

import pytest
from folding_tables import extraction, source

from midi_risk.attributes.hierarchy import MOST_GENERAL, Hierarchy, check_cycles, check_nesting
from midi_risk.attributes.model import AttributeSet, Role
from midi_risk.attributes.roles import propose
from midi_risk.attributes.standard import catalogue
from midi_risk.sources.model import SourceKind
from midi_risk.table import fold
from midi_risk.table.release import attribute_hierarchy

AWKWARD = [
    "", " ", "n/a", "066Y", "155Y", "000Y", "12", "-3", "1e309", "nan", "1.50", "1,5", "20120317",
    "2012-03", "2012", "99999999", "20120230", "134455.123", "996060", "M", "male", "O\\M",
    "CT\\MR", "55-60", "90+", "<18", "[0, 10)", "*", "a;b", "=cmd()", "O'Neil^J", "\u202egnp",
    "Zo\u00eb", "x" * 300, "1.2.840.10008.5.1.4.1.1.2", "02139", "C34.1", "line\nbreak",
]  # fmt: skip


@pytest.mark.parametrize("keyword", sorted(catalogue()))
def test_the_ladder_of_every_attribute_builds_nests_and_covers(keyword, tmp_path):
    rows = {"PatientID": [f"p{i}" for i in range(len(AWKWARD))], keyword: AWKWARD}
    if keyword == "PatientID":
        rows = {"key": rows["PatientID"], keyword: AWKWARD}
    key = next(iter(rows))
    read = extraction(source("dicom", rows, key, kind=SourceKind.METADATA, level="patient"))
    proposed = propose(read)
    attribute = proposed[keyword]
    quasi = AttributeSet((attribute.revised(role=Role.QUASI_IDENTIFIER),))
    table = fold(read, quasi)
    hierarchy = attribute_hierarchy(table, table.attributes[keyword])
    values = table.frame[keyword]
    check_nesting(hierarchy.frame, attribute=keyword)
    check_cycles(hierarchy.frame.to_numpy().T.tolist(), attribute=keyword)
    assert (hierarchy.frame.iloc[:, -1] == MOST_GENERAL).all()
    for level in range(len(hierarchy)):
        shown = hierarchy.apply(level, values.tolist())
        assert [v is None for v in shown] == values.isna().tolist()
        assert all(v is None or v for v in shown)
        assert hierarchy.describe(level, keyword)
    assert not len(hierarchy.frame) or survives_an_arx_file(hierarchy, tmp_path / "h.csv")


def survives_an_arx_file(hierarchy: Hierarchy, path: Path) -> bool:
    path.write_text(hierarchy.to_arx_csv(), encoding="utf-8", newline="")
    again = Hierarchy.from_arx_csv(path)
    return bool((again.frame.to_numpy() == hierarchy.frame.to_numpy()).all())
