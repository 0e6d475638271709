"""Write `docs/idc-study.md`: public collections under three threat models.

Run ``python examples/idc_study.py --idc INDEX.parquet [--ds000030 participants.tsv]
[--tcga samples.tsv] --write docs/idc-study.md`` with the series index of the NCI Imaging Data
Commons, the participants of OpenNeuro ds000030 and the TCGA samples of cognoma. Counts and
risks only are written, no value of anybody.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

import midi_risk as mr
from midi_risk.errors import MidiRiskError
from midi_risk.threat.population import load_table, parse_age_band

YEARS = 5
CASES = "us-cancer-incidence-2019"
COLLECTIONS: dict[str, str | None] = {
    "acrin_flt_breast": "breast",
    "acrin_nsclc_fdg_pet": "lung",
    "advanced_mri_breast_lesions": "breast",
    "b_mode_and_ceus_liver": "liver",
    "c4kc_kits": "kidney",
    "cptac_gbm": "brain",
    "cptac_luad": "lung",
    "cptac_pda": "pancreas",
    "cptac_ucec": "uterus",
    "duke_breast_cancer_mri": "breast",
    "hcc_tace_seg": "liver",
    "ispy1": "breast",
    "ldct_and_projection_data": None,
    "lidc_idri": "lung",
    "lung_pet_ct_dx": "lung",
    "midrc_ricord_1a": None,
    "nlst": None,
    "prostatex": "prostate",
    "soft_tissue_sarcoma": None,
    "stageii_colorectal_ct": "colon",
}
"""Human collections, and the cancer site of the US table that their cancer type has."""

TCGA = {"BRCA": "breast", "GBM": "brain", "KIRC": "kidney", "LUAD": "lung", "PAAD": "pancreas"}
HEAD = (
    "| collection | subjects | k | unique | public: highest risk | controlled: mean risk |"
    " cancer table: people | expected risk | 95 % sure | subjects above 0.09 | verdict |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The figures of one collection."""

    name: str
    subjects: int
    k: int
    unique: int
    public: str
    controlled: str
    table: tuple[str, str, str, str, str]

    def text(self) -> str:
        """Return the line of the table."""
        cells = (
            self.name, f"{self.subjects:,}", str(self.k), f"{self.unique:,}", self.public,
            self.controlled, *self.table,
        )  # fmt: skip
        return f"| {' | '.join(cells)} |\n"


def cancer_model(site: str, subjects: int) -> mr.ThreatModel:
    """Return a model of somebody who knows age in five years and sex of cancer patients."""
    people = load_table(CASES).select(site=site).total * YEARS
    share = subjects / people
    return mr.ThreatModel.model_validate(
        {
            "schema": "midi-risk/threat-model/1",
            "name": "cancer-table",
            "release": "public",
            "threshold": {"label": "0.09", "source": "EMA Policy 0070"},
            "population": {
                "kind": "table",
                "table": CASES,
                "site": site,
                "window_years": YEARS,
                "fraction": {"low": share / 2, "high": min(1.0, share * 2)},
            },
            "adversaries": [
                {
                    "name": "register",
                    "attack": ["journalist"],
                    "knows": {"PatientAge": "exact", "PatientSex": "exact"},
                }
            ],
        }
    )


def in_bands(table: mr.SubjectTable) -> mr.SubjectTable:
    """Return the table with ages and sexes as the cancer table has them, one band of each."""
    frame = table.frame.copy()
    for attribute in table.attributes:
        if attribute.kind is mr.Kind.AGE and attribute.name in frame.columns:
            ages = [_band(value) for value in frame[attribute.name].to_numpy(dtype=object)]
            frame[attribute.name] = pd.Series(ages, index=frame.index, dtype=object)
        elif attribute.kind is mr.Kind.SEX and attribute.name in frame.columns:
            sexes = [value if value in {"F", "M"} else None for value in frame[attribute.name]]
            frame[attribute.name] = pd.Series(sexes, index=frame.index, dtype=object)
    return replace(table, frame=frame, repeated={})


def _band(value: object) -> str | None:
    age = None if value is None or value != value else parse_age_band(str(value))  # noqa: PLR0124
    if age is None:
        return None
    low = age[0]
    if low == 0:
        return "0"
    if low >= 85:
        return "85+"
    start = max(1, low // 5 * 5)
    return f"{start}-{low // 5 * 5 + 4}"


def assessed(name: str, table: mr.SubjectTable, site: str | None) -> Row:
    """Return the figures of one collection under the three models."""
    found = mr.assess(table, ["public-release", "controlled-access"])
    public, controlled = found.threats
    by = {r.measure: r for r in public.results}
    mean = {r.measure: r for r in controlled.results}["prosecutor_mean"]
    return Row(
        name=name,
        subjects=table.n_subjects,
        k=int(found.measures.k or 0),
        unique=found.measures.sample_uniques,
        public=_judged(by["prosecutor_max"]),
        controlled=_judged(mean),
        table=_cancer(table, site),
    )


def _judged(result: object) -> str:
    passed = getattr(result, "passed", None)
    word = {True: "within", False: "above", None: ""}[passed]
    return f"{getattr(result, 'value', 0):.3f} {word}".strip()


def _cancer(table: mr.SubjectTable, site: str | None) -> tuple[str, str, str, str, str]:
    """Return people, expected and assured risk, share above the threshold, verdict."""
    if site is None:
        return "no table", "", "", "", "not stated"
    model = cancer_model(site, table.n_subjects)
    try:
        threat = mr.assess(in_bands(table), [model]).threats[0]
    except MidiRiskError as error:
        return "", "", "", "", f"no answer: {str(error).split('. ')[0]}"
    by = {r.measure: r for r in threat.results}
    highest, share = by["journalist_max"], by["journalist_at_risk"]
    people = load_table(CASES).select(site=site).total * YEARS
    return (
        f"{people:,.0f}",
        f"{highest.value:.4f}",
        f"{highest.upper:.4f}",
        f"{share.value:.1%} to {share.upper:.1%}",
        "within" if highest.passed else "above",
    )


def _folded(extraction: object) -> mr.SubjectTable:
    return mr.fold(extraction, mr.propose(extraction))  # type: ignore[arg-type]


def idc_rows(index: Path) -> list[Row]:
    """Return the figures of the collections of the index."""
    extraction = mr.extract(index)
    rows = []
    for name, site in COLLECTIONS.items():
        part = mr.select_rows(extraction, f"collection_id = '{name}'")
        rows.append(assessed(name, _folded(part), site))
    return rows


def tcga_rows(samples: Path) -> list[Row]:
    """Return the figures of TCGA's clinical table, for some cancers."""
    extraction = mr.extract(samples)
    return [
        assessed(f"TCGA-{name}", _folded(mr.select_rows(extraction, f"acronym = '{name}'")), site)
        for name, site in TCGA.items()
    ]


def page(idc: Sequence[Row], ds: Row | None, tcga: Sequence[Row]) -> str:
    """Return the page of the documentation."""
    inside = sum(row.table[-1] == "within" for row in idc)
    asked = sum(row.table[0] not in {"", "no table"} for row in idc)
    above = sum(row.public.endswith("above") for row in idc)
    least = np.median([row.unique / row.subjects for row in idc])
    text = TOP.format(
        n=len(idc), above=above, inside=inside, asked=asked, unique=f"{least:.0%}", years=YEARS
    )
    text += "\n<!-- idc: begin -->\n" + HEAD + "".join(row.text() for row in idc)
    text += "<!-- idc: end -->\n"
    if ds is not None:
        text += DS + HEAD + ds.text()
    if tcga:
        text += TC + HEAD + "".join(row.text() for row in tcga)
    return text + END


TOP = """# {n} public collections under three threat models

What does a population table change? The metadata of {n} human collections of the NCI Imaging Data
Commons (version 25, one row per series) were folded to one row per person and assessed as they
are published. Nothing here says that anybody can be identified: the collections were
de-identified before they were published, and their dates were shifted. Only counts and risks are
shown.

**Read it so.** {above} of {n} fail as a public release when every attribute may be known and
nobody outside the collection is counted on: half of the collections have more than {unique} unique
subjects. For an attacker who knows age in five years, sex and the cancer, and nothing else,
{inside} of {asked} collections with a table pass: these are collections of
hospitals, and nobody states how their patients were sampled, so that what a table expects is shown
and 1/f is judged. No verdict is "acceptable" here, because nobody assessed faces, burned-in text
and the other channels for this study; the words below judge figures only.

## Methods

* **Roles** as the tool proposes them for the columns of the index: age, sex, first study date,
  modality, manufacturer and model. *k* and *unique* are of all of them together.
* **public**: model `public-release`; highest prosecutor risk, threshold 0.09 (k = 11).
* **controlled**: model `controlled-access`, medium controls and motives (IPC Ontario 2016, attempt
  0.3), strict average: mean prosecutor risk, threshold 0.303 and no class below 3.
* **cancer table**: age in five years (85 and over together) and sex against the new cases of the
  cancer in the United States (US Cancer Statistics 2019) in {years} years. The share of all
  patients that is in the collection is not published: the number of subjects over the cases, halved
  and doubled, is the interval. *Expected risk* is the largest E[1/F | f]; *95 % sure* is what is
  judged; *subjects above* at both. Suppressed cells of the table count as nobody, so rare ages come
  out too risky rather than too safe. The incidence of 2019 stands for the years of recruitment and
  US patients for all patients: that is an assumption of the model, not a fact.
* A collection without a row in the table is *not stated*. It is not passed.
* A sex other than F or M counts as not stated. Where ages or sexes are missing for most subjects,
  their class is every patient, and the risk is
  low because the release says little.
* A highest risk of 1 against the table comes from ages at which the table is suppressed. In one
  collection of lung cancer these are ages of children, which the headers state and nobody has: the
  figures show an error of the data.

`python examples/idc_study.py --idc idc_index.parquet --write docs/idc-study.md`
"""
DS = """
## A neuroimaging study: OpenNeuro ds000030

272 participants of the UCLA Consortium for Neuropsychiatric Phenomics (CC0), `participants.tsv`
only. Diagnoses were not taken as known, and there is no table of the local population that was
recruited, so the bound F = f is what remains.

"""
TC = """
## Clinical table: TCGA

Five cancers of the TCGA clinical table (cognoma/cancer-data, CC0), with the roles that the tool
proposes. Age at diagnosis and sex are known to the third attacker; race, year and stage are not.

"""
END = """
## The example of the method: brain cancer by state

New brain cancers in the US (22,538 in 2019) by state, five-year age and sex are 1,836 cells:

| years | cells with fewer than 11 expected | share of patients in them | average risk |
|---|---|---|---|
| 1 | 68 % | 24.3 % | 0.0815 |
| 5 | 20.9 % | 2.1 % | 0.0163 |
| 10 | 9.4 % | 0.6 % | 0.0081 |

Without the state the smallest class of one year is 188 and the highest risk 0.0053. So with the
state the highest risk fails even over ten years, although the average passes in one; without it
one year is enough, with no age coarser than five years. `tests/threat/test_population_tables.py`
computes these figures.
"""


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--idc", type=Path, required=True)
    parser.add_argument("--ds000030", type=Path)
    parser.add_argument("--tcga", type=Path)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    rows = idc_rows(given.idc)
    ds = None
    if given.ds000030:
        ds = assessed("ds000030", _folded(mr.extract(given.ds000030)), None)
    tcga = tcga_rows(given.tcga) if given.tcga else []
    text = page(rows, ds, tcga)
    if given.write:
        given.write.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
