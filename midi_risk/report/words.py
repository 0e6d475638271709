"""Fixed vocabularies: what each code in the document is called and what it means."""

from __future__ import annotations

import re
from typing import NamedTuple


class Term(NamedTuple):
    """A code as a reader meets it: title, meaning, formula or method, key of a reference."""

    title: str
    meaning: str
    formula: str = ""
    reference: str = ""


ATTACKERS = {
    "prosecutor": Term(
        "Prosecutor",
        "Knows that the target is in the collection and looks for that one person.",
    ),
    "journalist": Term(
        "Journalist",
        "Does not know who is in the collection; any single re-identification counts.",
    ),
    "marketer": Term(
        "Marketer",
        "Matches the whole collection against a population and counts correct matches.",
    ),
}

MEASURES = {
    "prosecutor_max": Term(
        "Highest prosecutor risk",
        "the subject easiest to single out",
        "1 / min f, with f the class size in the release",
        "elemam2013",
    ),
    "prosecutor_mean": Term(
        "Average prosecutor risk",
        "mean over all subjects",
        "number of classes / number of subjects",
        "elemam2013",
    ),
    "prosecutor_at_risk": Term(
        "Subjects at risk, prosecutor",
        "share of subjects in classes smaller than k",
        "sum of f over classes with f < k, divided by the number of subjects",
        "elemam2013",
    ),
    "journalist_max": Term(
        "Highest journalist risk",
        "the subject easiest to single out",
        "1 / min F, with F the class size in the matching population",
        "dankar2010",
    ),
    "journalist_mean": Term(
        "Average journalist risk",
        "mean over all subjects, the larger of both directions",
        "max(|J| / sum F, mean of 1 / F)",
        "dankar2010",
    ),
    "journalist_at_risk": Term(
        "Subjects at risk, journalist",
        "share of subjects with fewer than k look-alikes",
        "sum of f over classes with F < k, divided by the number of subjects",
        "dankar2010",
    ),
    "marketer_mean": Term(
        "Marketer risk",
        "expected share of subjects that are matched correctly",
        "mean of 1 / F over all subjects",
        "dankar2010",
    ),
    "membership_max": Term(
        "Highest risk, membership weighted",
        "the subject easiest to single out",
        "max of w / f + (1 - w) / F, with w the probability that membership is known",
        "elemam2013",
    ),
    "membership_mean": Term(
        "Average risk, membership weighted",
        "mean over all subjects",
        "mean of w / f + (1 - w) / F",
        "elemam2013",
    ),
    "membership_at_risk": Term(
        "Subjects at risk, membership weighted",
        "share of subjects with a risk above 1 / k",
        "share with w / f + (1 - w) / F > 1 / k",
        "elemam2013",
    ),
    "prosecutor_strict_mean": Term(
        "Strict average prosecutor risk",
        "mean over all subjects, with a floor for the smallest class",
        "mean of 1 / f, accepted only when no class is smaller than the floor",
        "ipc2016",
    ),
    "journalist_strict_mean": Term(
        "Strict average journalist risk",
        "mean over all subjects, with a floor for the smallest class",
        "mean of 1 / F, accepted only when no class is smaller than the floor",
        "ipc2016",
    ),
    "population_unique": Term(
        "Population uniques",
        "share of subjects without a look-alike in the population",
        "",
        "hoshino2001",
    ),
    "trajectory_max": Term(
        "Highest visit-pattern risk",
        "the visit intervals easiest to single out",
        "1 / smallest number of subjects with the same known visits",
        "",
    ),
}

STATUS = {
    "acceptable": "Acceptable",
    "above_threshold": "Above threshold",
    "incomplete": "Incomplete",
}
STATUS_MARK = {"acceptable": "✓", "above_threshold": "▲", "incomplete": "?"}

CHANNELS = {
    "visit_intervals": Term(
        "Visit intervals",
        "The days between visits can single out a subject even when every "
        "date was shifted by a constant.",
    ),
    "face": Term(
        "Reconstructable face",
        "A face rendered from a head scan can be matched against photographs.",
    ),
    "burned_in": Term("Burned-in text", "Names, dates or identifiers drawn into the pixels."),
    "free_text": Term(
        "Free text",
        "Descriptions and comments can hold names, places and rare findings.",
    ),
    "private_elements": Term(
        "Private elements",
        "Elements that no public dictionary describes can hold anything.",
    ),
    "embedded_metadata": Term(
        "Embedded metadata",
        "Payloads inside a file, such as EXIF, JP2 boxes or icons.",
    ),
    "device_site": Term(
        "Device and site",
        "Serial numbers, station names and rare scanners point to a hospital.",
    ),
    "cross_collection_pixels": Term(
        "Same pixels elsewhere",
        "The same images in another public collection link the two.",
    ),
}
CHANNEL_STATUS = {
    "assessed": "Assessed",
    "bounded": "Bounded, not estimated",
    "not_assessed": "Not assessed",
}

ROLES = {
    "direct_identifier": "Direct identifier",
    "quasi_identifier": "Quasi-identifier",
    "sensitive": "Sensitive",
    "insensitive": "Insensitive",
    "linkage_key": "Linkage key",
    "undecided": "Undecided",
}
DECISIONS = {
    "retain": "Retain",
    "generalise": "Generalise",
    "remove": "Remove",
}
RELEASES = {
    "public": "Public release",
    "semi-public": "Semi-public release",
    "controlled": "Controlled access",
}
FILES = {
    "read": "read",
    "flagged": "read, with flags",
    "not_dicom": "not DICOM",
    "unreadable": "unreadable",
}
EXCLUDED = {
    "phantom": "phantoms",
    "animal": "animals",
    "derived": "derived objects",
    "no_key": "without a subject key",
}
OPTIONS = {
    "rtn_safe_priv": "retained safe private elements",
    "rtn_uids": "retained UIDs",
    "rtn_dev_id": "retained device identity",
    "rtn_inst_id": "retained institution identity",
    "rtn_pat_chars": "retained patient characteristics",
    "rtn_long_full_dates": "retained full dates",
    "rtn_long_modif_dates": "retained modified dates",
    "clean_desc": "clean descriptors",
    "clean_struct_cont": "clean structured content",
    "clean_graph": "clean graphics",
}
CELLS = {
    "unique": "Unique subjects",
    "share_unique": "Share unique",
    "m": "Visits known",
    "k": "k",
    "estimator": "Estimator",
    "value": "Value",
    "lower": "Lower",
    "upper": "Upper",
    "subjects": "Subjects",
}


_CODE = re.compile(r"\b(?:" + "|".join((*MEASURES, *CHANNELS)) + r")\b")


def worded(sentence: str) -> str:
    """Return a sentence with the codes of measures and channels in words.

    Examples
    --------
    >>> worded("not assessed: burned_in, face")
    'not assessed: burned-in text, reconstructable face'
    """
    terms = {**MEASURES, **CHANNELS}
    return _CODE.sub(lambda hit: lowered(terms[hit.group()].title), sentence)


def lowered(title: str) -> str:
    """Return a title as it stands inside a sentence."""
    return title[:1].lower() + title[1:]


def is_sample(population: str) -> bool:
    """Tell whether the matching population is the release itself, so that F equals f.

    Examples
    --------
    >>> is_sample("the release itself: nobody outside it is counted on (F = f)")
    True
    """
    return population.startswith(("sample", "the release itself"))


def plain(code: str, vocabulary: dict[str, str] | None = None) -> str:
    """Return the words for a code; an unknown code is shown with spaces.

    Examples
    --------
    >>> plain("quasi_identifier", ROLES), plain("sex-conflict")
    ('Quasi-identifier', 'Sex conflict')
    """
    if vocabulary and code in vocabulary:
        return vocabulary[code]
    words = code.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


def measure_term(code: str) -> Term:
    """Return title and meaning of a measure; an unknown one keeps its own name.

    Examples
    --------
    >>> measure_term("prosecutor_max").title
    'Highest prosecutor risk'
    """
    return MEASURES.get(code) or Term(plain(code), "")


def channel_term(code: str) -> Term:
    """Return title and meaning of a channel; an unknown one keeps its own name."""
    return CHANNELS.get(code) or Term(plain(code), "A further way to identity.")
