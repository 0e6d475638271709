"""How a field may leave: the closed vocabulary of the shareable edition, and its special rules.

`midi_risk.report.policy` gives one of these rules to each field of the documents. A rule is
either a word of the vocabulary, which looks at the field alone, or one of the special rules
below, which look at neighbouring fields as well; each of these says which inference it
prevents. What the reader of the edition is taken to know: k, and how counts are rounded.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

from pydicom.datadict import tag_for_keyword

from midi_risk.document.assessment import (
    MEASUREMENT,
    Assessment,
    ChannelEntry,
    CurvePoint,
    HistogramBin,
    IndividualRisk,
    LinkReport,
    Measures,
    Ps315Action,
    Quality,
    Quantile,
    RiskEstimate,
    ScoreBand,
    SizeCount,
    SpecialUniques,
)
from midi_risk.document.clean import scrubbed
from midi_risk.document.conditions import EVENTS
from midi_risk.document.plan import FrontPoint, ImagingFigure, Plan, State
from midi_risk.document.reasons import REASONS
from midi_risk.report.charts import NAMES
from midi_risk.report.counts import BASE, SafeCount, merged_bins, rounded, safe
from midi_risk.report.leaves import (
    Action,
    Amount,
    Band,
    Code,
    Formed,
    Keyed,
    Leaving,
    Name,
    Risk,
    Size,
    Version,
    Written,
    Year,
    two_digits,
)
from midi_risk.report.words import is_share
from midi_risk.threat.channels import FOUND


@dataclass(frozen=True, kw_only=True)
class Around:
    """What a rule may look at besides the value.

    Parameters
    ----------
    k : int
        Smallest positive count that is shown.
    document : Assessment
    part : Part
        The part of the document that holds the field.
    name : str
        The field under which the part itself stands, "" for the document.
    above : Around, optional
        The same for the part that holds the part.
    """

    k: int
    document: Assessment
    part: Any
    name: str = ""
    above: Around | None = None

    @property
    def contributions(self) -> float:
        """Sum of the contributions of all attributes, added up once for the whole document."""
        return self._whole if self.above is None else self.above.contributions

    @cached_property
    def _whole(self) -> float:
        return sum(max(0.0, a.contribution or 0.0) for a in self.document.attributes)


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to leave: its word, and the function that makes the leaf."""

    word: str
    leave: Callable[[Any, Around], Any]


def _each(word: str, leaf: Callable[[Any, Around], Any]) -> Rule:
    """Return a rule for one value that holds for a list of them too; None stays None."""

    def leave(value: Any, around: Around) -> Any:
        if value is None:
            return None
        if isinstance(value, list | tuple):
            return tuple(leaf(item, around) for item in value)
        return leaf(value, around)

    return Rule(word, leave)


def special(function: Callable[[Any, Around], Any]) -> Rule:
    """Return a rule of its own, called as its function is."""
    return Rule(function.__name__, function)


def code(text: str) -> Code:
    """Return a word of a vocabulary, ``"other"`` for anything that does not look like one.

    Examples
    --------
    >>> code("sex-conflict"), code("Jane Doe")
    ('sex-conflict', 'other')
    """
    return Code(text if Code.allows(text) else "other")


_YEAR = re.compile(r"(?<!\d)((?:19|2\d)\d{2})(?!\d)")


def year(text: str) -> Year | None:
    """Return the year of a date, None when there is none.

    Examples
    --------
    >>> year("2026-11-23T10:00:00Z"), year("")
    (2026, None)
    """
    hit = _YEAR.search(text[:10])
    return Year(int(hit.group(1))) if hit else None


def keyed(digest: str, key: str) -> Keyed:
    """Return a digest that only the holder of the key can recompute; "" without a key.

    A plain digest of few-valued data can be found by trying all data; see RFC 2104.

    Examples
    --------
    >>> keyed("sha256:00", "k"), keyed("sha256:00", "")
    ('319ece2495a62508', '')
    """
    if not key or not digest:
        return Keyed("")
    return Keyed(hmac.new(_bytes(key), _bytes(digest), hashlib.sha256).hexdigest()[:16])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _key(around: Around) -> str:
    inner = around.document.internal
    return inner.digest_key if inner else ""


def risk(value: float) -> Risk:
    """Return a probability with two significant digits."""
    return Risk(two_digits(value))


def amount(value: float) -> Amount:
    """Return any other number with two significant digits."""
    return Amount(two_digits(value))


SAME = 1e-9
"""Two probabilities closer than this are one figure."""
FEW = 200
"""Below so many subjects a mean with two digits tells how many classes there are."""
EDGES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
"""Ends of the bands of a probability or distance; the widths follow from what a solver finds."""
WIDE = (0.0, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)
"""Ends of the bands of a number of values."""


def banded(value: float, edges: Sequence[float] = EDGES) -> Band:
    """Return the band that a number lies in; its lower end belongs to it.

    Examples
    --------
    >>> banded(0.0213).low, float(banded(0.0213)), banded(1.0).low
    (0.02, 0.05, 0.75)
    """
    place = min(bisect_right(edges, value), len(edges) - 1)
    return Band(edges[max(place, 1) - 1], edges[max(place, 1)])


def _few(around: Around) -> bool:
    """Tell whether the collection is so small that figures of it leave in bands."""
    return around.document.collection.subjects < FEW


def _subjects(around: Around) -> int:
    """Return how many subjects the part is about."""
    if isinstance(around.part, State):
        return around.part.subjects
    return around.document.collection.subjects


def _one_over_hidden(value: float, around: Around) -> bool:
    """Tell whether a figure is one over a number of subjects that is hidden itself."""
    subjects = _subjects(around)
    return subjects < around.k and abs(value * subjects - 1) < SAME


def figure(value: float, around: Around) -> Risk | Band | SafeCount:
    """Return a mean, a distance or another figure that classes are counted in.

    The mean risk is the number of classes over that of subjects, and a distance of a value
    that occurs once is one less 1/n: with two digits either, the rounded counts and the merged
    histogram of few subjects leave one number for a hidden count. Where the sample uniques are
    hidden their mean risk tells nothing beyond the histogram, however many subjects there are.
    """
    if _one_over_hidden(value, around):
        return SafeCount(state="withheld", k=around.k)
    if _gives_uniques(value, around):
        return _implied(around)
    if not _few(around):
        return risk(value)
    if value < 0:
        up = banded(-value)
        return Band(-float(up), 0.0 - up.low)
    return banded(min(value, 1.0))


def _gives_uniques(value: float, around: Around) -> bool:
    """Tell whether a figure is the mean over all classes while the sample uniques are hidden."""
    measures, subjects = around.document.measures, around.document.collection.subjects
    hidden = safe(measures.sample_uniques, around.k, subjects).state != "shown"
    return hidden and subjects > 0 and abs(value - measures.classes / subjects) < SAME


def _implied(around: Around) -> Band:
    """Return the mean risks that the merged histogram admits, rounded outwards to two digits.

    Between the fewest and the most classes of the sizes of each bin that its subjects, which
    are known to base 5, can make. This is what a reader could work out anyway.
    """
    measures, k = around.document.measures, around.k
    subjects = around.document.collection.subjects
    least = most = 0.0
    for low, high, inside in _merged(measures, k):
        fewest, largest = max(1, rounded(inside, k) - BASE), rounded(inside, k) + BASE
        least += math.ceil(fewest / high)
        alone = min(k - 1, largest) if low == 1 and measures.sample_uniques < k else 0
        smallest = 2 if alone else low
        most += alone + (largest - alone) // smallest
    low_end = _outwards(least / (subjects + BASE), math.floor)
    high_end = min(1.0, _outwards(most / max(1, subjects - BASE), math.ceil)) if most else 1.0
    return Band(low_end if low_end < high_end else 0.0, high_end)


def _outwards(value: float, towards: Callable[[float], int]) -> float:
    """Return a number with two significant digits, rounded down or up."""
    if value <= 0:
        return 0.0
    digit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return two_digits(towards(value / digit) * digit)


def maximum(value: float, around: Around) -> Risk | Band | SafeCount:
    """Return the risk of a smallest class, which k tells anyway, but never one over all subjects.

    A class of more than half of few subjects is all of them, or all but a hidden number.
    """
    subjects = around.document.collection.subjects
    return figure(value, around) if value * subjects < 2 else risk(value)


def figure_of(measure: str, value: float, around: Around) -> Risk | Band | SafeCount:
    """Return a probability as `maximum` where the measure is one, else as `figure`."""
    return (maximum if measure.endswith("_max") else figure)(value, around)


# The vocabulary. Each word says what a reader of the edition gets to see of the field.

DROP = Rule("drop", lambda _value, _around: None)
"""Nothing at all."""
NAME = _each("name", lambda text, _: Name(text))
"""A name without paths, UIDs, hosts, addresses and exact dates, cut at 80 letters."""
WRITTEN = _each("written", lambda text, _: Written(text))
"""The assessor's words, scrubbed in the same way, cut at 1,500 letters."""
CODE = _each("code", lambda text, _: code(text))
"""A word of a vocabulary, else "other"."""
COUNT = _each("count", lambda n, around: safe(n, around.k))
"""A count: hidden from 1 to k - 1, else rounded to base 5."""
RISK = _each("two digits", lambda value, _: risk(value))
"""A probability with two significant digits."""
FIGURE = _each("two digits, of few subjects a band", figure)
"""A figure that classes are counted in, as `figure` says."""
MAXIMUM = _each("two digits, of one class of few subjects a band", maximum)
"""The risk of a smallest class, as `maximum` says."""
AMOUNT = _each("two digits of any number", lambda value, _: amount(value))
"""A number in a unit of its own, with two significant digits."""
VALUES = _each(
    "two digits of a number of values, of few subjects a band",
    lambda value, around: banded(value, WIDE) if _few(around) else amount(value),
)
"""An effective number of values; of few subjects it tells how often each occurs."""
YEAR = _each("year", lambda text, _: year(text))
"""The year of a date."""
DIGEST = _each("keyed digest", lambda text, around: keyed(text, _key(around)))
"""A digest that only who has the key can make again."""
SIZE = _each("size", lambda n, _: Size(n))
"""A small integer that counts no people: k, the nodes of a search."""
FLAG = _each("flag", lambda value, _: bool(value))
"""Yes or no."""
VERSION = _each("version", lambda text, _: Version(text if Version.allows(text) else "unknown"))
"""The version of software."""
ACTION = _each("action", lambda text, _: Action(text))
"""An action of PS3.15 Table E.1-1; other text is refused."""
HOW_MANY = Rule("how many", lambda entries, _: Size(len(entries)))
"""How many entries a list of the project has."""


PART_OF_ALL = _each(
    "part of all subjects",
    lambda n, around: safe(n, around.k, around.document.collection.subjects),
)
"""A count of subjects; all but 1 to k - 1 of the collection is hidden as well."""


def dropped(*names: str) -> dict[str, Rule]:
    """Return the lines of fields that stay inside."""
    return dict.fromkeys(names, DROP)


def count_of(total: str) -> Rule:
    """Return the rule of a count whose total is a field beside it.

    All but 1 to k - 1 of the total is hidden as well: total less count would tell the rest.
    """
    return _each(
        f"part of {total}", lambda n, around: safe(n, around.k, getattr(around.part, total))
    )


def share_of(total: str) -> Rule:
    """Return the rule of a share of subjects: it leaves as the count that it stands for.

    Share times total would give the count that `COUNT` hides.
    """

    def leave(share: float, around: Around) -> SafeCount:
        whole = getattr(around.part, total)
        return safe(round(share * whole), around.k, whole)

    return _each(f"share of {total}", leave)


def word_of(words: Iterable[str], otherwise: str | None) -> Rule:
    """Return the rule of a word of these, and of no other."""
    known = frozenset(words)

    def leave(text: str, _: Around) -> Code | None:
        word = text if text in known else otherwise
        return None if word is None else Code(word)

    return _each("word", leave)


def words_among(words: Iterable[str]) -> Rule:
    """Return the rule of a list of which only these words leave."""
    known = frozenset(words)
    return Rule("words", lambda texts, _: tuple(Code(t) for t in texts if t in known))


def those_like(leaf: type[Formed]) -> Rule:
    """Return the rule of a list of which only the texts of this form leave."""
    return Rule(
        leaf.__name__, lambda texts, _: tuple(leaf(text) for text in texts if leaf.allows(text))
    )


def each_of(key: Rule, value: Rule) -> Rule:
    """Return the rule of a mapping, by the rules of its keys and of its values."""

    def leave(entries: Mapping[str, Any], around: Around) -> Mapping[str, Any]:
        return MappingProxyType(
            {key.leave(k, around): value.leave(v, around) for k, v in entries.items()}
        )

    return Rule(f"{key.word}: {value.word}", leave)


# Special rules: the verdict.


COUNTED_REASONS = {"files"}
"""Counts of a reason that are told; the others stand elsewhere, or nowhere, in this edition."""


def names_of_reason(names: list[str], around: Around) -> tuple[Name | Code, ...]:
    """Return the names in a reason, only those that this edition shows elsewhere too.

    A reason may name a source, which is a file, or in an edited document anything at all.
    """
    document, kind = around.document, REASONS[around.part.code].names
    if kind == "attributes":
        there = {a.name for a in document.attributes}
        return tuple(Name(name) for name in names if name in there)
    if kind == "channels":
        there = {c.name for c in document.channels}
        return tuple(code(name) for name in names if name in there)
    if kind == "model":
        models = {t.model for t in document.threats}
        return tuple(Name(name) for name in names if name in models)
    if kind == "event":
        return tuple(code(name) for name in names if name in EVENTS)
    if kind == "adversary" and any([t.model, t.adversary] == names[:2] for t in document.threats):
        return (*(Name(name) for name in names[:2]), *(code(measure) for measure in names[2:]))
    return ()


def counts_of_reason(counts: Mapping[str, int], around: Around) -> Mapping[Code, SafeCount]:
    """Return the counts in a reason that are told, suppressed as where they stand elsewhere.

    The sentence of the document holds them as they are; it is made again from these.
    """
    return MappingProxyType(
        {Code(name): safe(n, around.k) for name, n in counts.items() if name in COUNTED_REASONS}
    )


# Special rules: the account.


def name_in_account(name: str, around: Around) -> Name | None:
    """Return the name of an element when all of it is in the standard's dictionary.

    Private creators, columns and file names are written by somebody, and may hold anything.
    """
    if around.part.kind != "element":
        return None
    return Name(name) if all(tag_for_keyword(part) for part in name.split("/")) else None


# Special rules: text.

UNNAMED = "Collection without a stated name"
_FIGURE = re.compile(r"It brings [\d.]+ to the mean prosecutor risk \(Shapley value\)\. ?")
_RELEASE = re.compile(r"(?:19|20)\d{2}[a-z]?\Z")


def collection_name(name: str, _: Around) -> Name:
    """Return the collection's name, but not the name of a file or folder.

    A collection without a name is called after its file, and files are called after people,
    sites and dates.
    """
    text = scrubbed(name)
    return Name(UNNAMED if text.strip() in {"", "[path]", "[UID]", "[date]", "[host]"} else text)


def words_without_figures(text: str, _: Around) -> Written:
    """Return the assessor's words without the figure that the tool wrote among them.

    It has three digits: times the number of subjects it gives a count of classes.
    """
    return Written(_FIGURE.sub("", text))


def code_if_any(text: str, _: Around) -> Code | None:
    """Return a word of a vocabulary, None for an empty text."""
    return code(text) if text else None


def loss_measure(text: str, _: Around) -> Code:
    """Return the name of the information loss as a word."""
    return code(text.replace(",", "").replace(" ", "-"))


def profile_row(row: Ps315Action | None, _: Around) -> Ps315Action | None:
    """Return a row of PS3.15 Table E.1-1 when it is one of the standard's.

    The document could state anything in its place.
    """
    if row is None or not Action.allows(row.action) or not _RELEASE.match(row.release):
        return None
    return row


def software(versions: Mapping[str, str], _: Around) -> Mapping[Version, Version]:
    """Return the entries that are a name and a version; a path or host is neither."""
    return MappingProxyType(
        {
            Version(name): Version(text)
            for name, text in versions.items()
            if Version.allows(name) and Version.allows(text)
        }
    )


# Special rules: counts that neighbours would give away.


def matched_subjects(matched: int, around: Around) -> SafeCount:
    """Return how many subjects of a join matched, withheld beside a hidden part.

    Matched and unmatched subjects add up to all subjects, matched and orphan keys to the keys
    of the source: from two of them the hidden third follows.
    """
    link: LinkReport = around.part
    cell = safe(matched, around.k)
    rest = (safe(n, around.k).state for n in (link.orphans, link.unmatched_subjects))
    if cell.state == "shown" and matched and "below" in rest:
        return SafeCount(state="withheld", k=around.k)
    return cell


def _merged(measures: Measures, k: int) -> tuple[tuple[int, int, int], ...]:
    bins = ((b.size_from, b.size_to, b.subjects) for b in measures.class_size_histogram)
    return merged_bins(bins, k)


def merged_histogram(_: Any, around: Around) -> list[HistogramBin]:
    """Return the histogram in bins of at least k subjects.

    A bin of few subjects would show them, and hidden alone it would be the total less the
    other bins.
    """
    return [
        HistogramBin(size_from=low, size_to=high, classes=0, subjects=subjects)
        for low, high, subjects in _merged(around.part, around.k)
    ]


def merged_curve(_: Any, around: Around) -> list[CurvePoint]:
    """Return subjects in small classes at the bounds of the merged bins only.

    Two neighbouring points of the document's own curve differ by the subjects between them,
    which may be fewer than k.
    """
    running, points = 0, []
    for _low, high, subjects in _merged(around.part, around.k)[:-1]:
        running += subjects
        points.append(CurvePoint(k=high + 1, subjects_below=running, share_below=0.0))
    return points


def left_out_cells(cells: int, around: Around) -> SafeCount:
    """Return the suppressed cells, withheld where they are of fewer than k subjects.

    Cells over attributes is the number of subjects left out.
    """
    plan, k = _plan(around), around.k
    if 0 < plan.suppressed.subjects < k or _few_are_emptied(plan, k):
        return SafeCount(state="withheld", k=k)
    return safe(cells, k)


def emptied_cells(cells: int, around: Around) -> SafeCount:
    """Return the emptied cells, withheld where they are of fewer than k subjects.

    Many cells of few subjects would pass as a count of many.
    """
    if _few_are_emptied(_plan(around), around.k):
        return SafeCount(state="withheld", k=around.k)
    return safe(cells, around.k)


def _plan(around: Around) -> Plan:
    plan = around.above.part if around.above else None
    if not isinstance(plan, Plan):
        raise TypeError("this rule is for a part of a plan")
    return plan


def _few_are_emptied(plan: Plan, k: int) -> bool:
    """Tell whether the emptied cells are of fewer than k subjects, or nobody knows of how many."""
    subjects = {key for keys in plan.suppressed_cells.values() for key in keys}
    return plan.suppressed.emptied > 0 and len(subjects) < k


def subjects_of_state(subjects: int, around: Around) -> SafeCount:
    """Return the subjects before or after the plan; after it withheld where few are left out.

    Before less after is the number of subjects left out.
    """
    if around.name == "after" and 0 < _plan(around).suppressed.subjects < around.k:
        return SafeCount(state="withheld", k=around.k)
    return safe(subjects, around.k)


def bound_of_defects(quality: Quality | None, k: int) -> Risk | None:
    """Return the upper bound of the rate of defects with two digits.

    Sample, sensitivity and bound together give the defects, and defects and bound the sample:
    a hidden number of defects is taken at its largest, k - 1, and beside a hidden sample there
    is no bound.
    """
    if quality is None or safe(quality.sample, k, quality.population).state != "shown":
        return None
    if 0 < quality.defects < k:
        quality = quality.model_copy(update={"defects": k - 1})
    return None if quality.bound is None else risk(quality.bound)


def bound_of_control(value: float, around: Around) -> Risk | None:
    """Return the joint bound of a clean quality control with two digits.

    A bound tells, beside the sample, how many defects were found: where there were any, or where
    so few units were read that their number is hidden, it stays inside.
    """
    units = around.part.units
    if (
        units.defects
        or units.unsure
        or safe(units.inspected, around.k, units.total).state != "shown"
    ):
        return None
    return risk(value)


def upper_of_channel(value: float | None, around: Around) -> Risk | None:
    """Return the upper end of a channel, None where it would tell a hidden sample.

    Without a defect the bound is a function of sample, total and sensitivity; with one it is 1.
    """
    entry: ChannelEntry = around.part
    stated = entry.stated
    if value is None or stated is None or stated.looked is None:
        return None if value is None else risk(value)
    shown = safe(stated.looked, around.k, stated.of).state == "shown"
    return risk(value) if shown or value in {0.0, 1.0} else None


# Special rules: shares, which times a total are counts.


def smallest_class(size: int | None, around: Around) -> Size | SafeCount | None:
    """Return the size of the smallest class; of the only one, which is a count of subjects."""
    if size is None:
        return None
    return safe(size, around.k) if size == _subjects(around) else Size(size)


def front_of_many(points: list[FrontPoint], around: Around) -> list[FrontPoint]:
    """Return the front, empty for so few subjects that a risk may tell how many they are."""
    return points if around.document.collection.subjects >= around.k else []


def value_of_result(value: float, around: Around) -> Risk | Band | SafeCount:
    """Return a probability with two digits; a share of subjects as its suppressed count.

    A share of 0.0077 of 388 subjects is 3 of them.
    """
    result: RiskEstimate = around.part
    if not is_share(result.measure):
        return figure_of(result.measure, value, around)
    return safe(round(value * result.n), around.k, result.n)


def end_of_result(value: float, around: Around) -> Risk | Band | None:
    """Return one end of an interval; that of a share of subjects as a share of rounded counts.

    The interval of an exact share is the share itself, so it has none. Any other end, times
    the total, would be a count with more digits than a count has here; where one of them is
    hidden the other would surround it.
    """
    result: RiskEstimate = around.part
    if not is_share(result.measure):
        shown = figure_of(result.measure, value, around)
        return None if isinstance(shown, SafeCount) else shown
    ends = (value, result.lower, result.upper)
    counts = [safe(round(end * result.n), around.k, result.n).value for end in ends]
    whole = safe(result.n, around.k).value
    if result.kind == "exact" or None in counts or not whole:
        return None
    return risk((counts[0] or 0) / whole)


def measures_of_state(measures: Mapping[str, float], around: Around) -> Mapping[Code, Any]:
    """Return the further figures of a plan: a share as its count, a probability in two digits."""
    state: State = around.part
    return MappingProxyType(
        {
            code(name): safe(round(v * state.subjects), around.k, state.subjects)
            if is_share(name)
            else figure_of(name, v, around)
            for name, v in measures.items()
        }
    )


def share_of_contributions(value: float | None, around: Around) -> Risk | None:
    """Return a contribution as a share of all contributions, in steps of 5 %.

    The sum of the contributions is the number of classes over that of subjects, less one
    over the latter; each alone would give a count of classes without the attribute.
    """
    whole = around.contributions
    if value is None or whole <= 0:
        return None
    return risk(round(20 * max(0.0, value) / whole) / 20)


# Special rules: figures beside the verdict.


def _holders(found: SpecialUniques, around: Around) -> SafeCount:
    """Return the subjects with a minimal sample unique, hidden where a small rest hangs on them.

    Sample uniques less these are the subjects who are unique only through a missing value or
    a combination that was not searched.
    """
    document, k = around.document, around.k
    cell = safe(found.subjects, k, document.collection.subjects)
    rest = document.measures.sample_uniques - found.subjects
    if cell.state == "shown" and 0 < abs(rest) < k:
        return SafeCount(state="withheld", k=k)
    return cell


def holders(_: int, around: Around) -> SafeCount:
    """Return the subjects with a minimal sample unique, as `_holders`."""
    return _holders(around.part, around)


def _told(around: Around) -> bool:
    """Tell whether the subjects with a minimal sample unique are shown, so at least k."""
    cell = _holders(around.part, around)
    return cell.state == "shown" and bool(cell.value)


def merged_sizes(parts: list[SizeCount], around: Around) -> list[SizeCount]:
    """Return subjects by the size of their smallest unique, in bins of at least k subjects.

    Bins add up to the subjects that have any; where these are hidden there are no bins. The
    number of uniques stays inside: one subject may have hundreds.
    """
    if not _told(around):
        return []
    bins = merged_bins(((p.size_from, p.size_to, p.subjects) for p in parts), around.k)
    return [SizeCount(size_from=a, size_to=b, uniques=0, subjects=n) for a, b, n in bins]


def merged_scores(parts: list[ScoreBand], around: Around) -> list[ScoreBand]:
    """Return subjects by DIS-SUDA, in bands of at least k subjects.

    Without the band of no score they add up to the subjects that have any; where these are
    hidden there are no bands. DIS weighs uniques against pairs, so where fewer than k subjects
    are in classes of two the bands would tell how many. The mean stays inside for good: its
    two digits give the pairs with more digits than a count has here.
    """
    histogram = around.document.measures.class_size_histogram
    pairs = sum(b.subjects for b in histogram if (b.size_from, b.size_to) == (2, 2))
    if not _told(around) or pairs < around.k:
        return []
    scored = [p for p in parts if p.above is not None]
    bins = merged_bins(((i, i, p.subjects) for i, p in enumerate(scored, 1)), around.k)
    return [
        ScoreBand(above=scored[low - 1].above, up_to=scored[high - 1].up_to, subjects=n)
        for low, high, n in bins
    ]


def shares_of_scores(parts: list[Any], around: Around) -> list[Any]:
    """Return the share of each quasi-identifier; none where fewer than k subjects have any.

    Other names are not those of this document: an edited one could state anything there.
    """
    known = around.document.measures.quasi_identifiers
    return [part for part in parts if part.attribute in known] if _told(around) else []


def name_of_threat(name: str, around: Around) -> Name:
    """Return the name of a model or adversary that this edition shows elsewhere too."""
    threat = (around.part.model, around.part.adversary)
    known = any((t.model, t.adversary) == threat for t in around.document.threats)
    return Name(name if known else "not named")


def in_twentieths(value: float, _: Around) -> Risk:
    """Return a share in steps of 5 %, so that it gives no count of combinations."""
    return risk(round(20 * value) / 20)


def governing_value(value: float, around: Around) -> Risk | Band | SafeCount:
    """Return the figure that decides, as where it stands among the results."""
    return figure_of(around.part.measure, value, around)


def value_of_criterion(value: float, around: Around) -> Amount:
    """Return what a criterion of disclosure was met with: a number of values or a share."""
    if not _few(around):
        return amount(value)
    return banded(value, EDGES if 0 <= value <= 1 else WIDE)


def expected_matches(value: float, around: Around) -> Amount | None:
    """Return an expected number of subjects as its two-digit share of the rounded subjects.

    Number over share would give the subjects with more digits than a count has here.
    """
    part: IndividualRisk = around.part
    whole = safe(part.n, around.k).value
    if not whole:
        return None
    if not _few(around):
        return amount(two_digits(value / part.n) * whole)
    share = banded(value / part.n)
    return Band(two_digits(share.low * whole), two_digits(share * whole))


def quantiles_of_many(parts: list[Quantile], around: Around) -> list[Quantile]:
    """Return the quantiles above which at least k subjects lie; others show single subjects."""
    found: IndividualRisk | RiskEstimate = around.part
    return [q for q in parts if found.n - math.ceil(q.share * found.n) >= around.k]


def above_the_threshold(count: int, around: Around) -> SafeCount:
    """Return the subjects above the threshold, as a part of those assessed."""
    part: IndividualRisk = around.part
    return safe(count, around.k, part.n)


def decade_above(value: float | None, _: Around) -> Risk | None:
    """Return the power of ten that a probability of presence does not exceed.

    The people of a class stand in a public table: times them, two digits would be the
    subjects of the class, however few.
    """
    if value is None:
        return None
    return risk(10.0 ** min(0, math.ceil(math.log10(value) - 1e-12)) if value > 0 else 0.0)


def decade_below(value: float | None, _: Around) -> Risk | None:
    """Return the power of ten that a probability of presence reaches, for the same reason."""
    if value is None:
        return None
    return risk(10.0 ** math.floor(math.log10(value) + 1e-12) if value > 0 else 0.0)


# Special rules: tables whose columns the document leaves open.

MOST_DAYS = 366
_VISITS = re.compile(r"\d{1,3}|all")
_KNOWN = {"days", "days-modality", "days-scanner", "days-modality-scanner"}


def population_rows(rows: list[dict[str, Any]], around: Around) -> tuple[Leaving, ...]:
    """Return population uniqueness by estimator: the columns that are known, no other.

    A column that nobody named here, a note for one, may hold anything.
    """
    return tuple(
        Leaving(
            "PopulationUniques",
            {
                "estimator": code(str(row.get("estimator", row.get("method", "")))),
                "value": _fraction(row, figure, around, "value", "share"),
                "lower": _fraction(row, figure, around, "lower"),
                "upper": _fraction(row, figure, around, "upper"),
            },
        )
        for row in rows
    )


def visit_rows(rows: list[dict[str, Any]], around: Around) -> tuple[Leaving, ...]:
    """Return what m known visits give away: the columns that are known, counts suppressed.

    Each count is part of the subjects of its row, so the rest must not be small either; a
    row that does not say how many visits is dropped.
    """
    k, total, out = around.k, around.document.collection.subjects, []
    for row in rows:
        visits = str(row.get("m", row.get("visits", "")))
        if not _VISITS.fullmatch(visits):
            continue
        whole = _whole(row, "subjects", "n")
        whole = total if whole is None else whole
        days = _whole(row, "bin_days")
        known = str(row.get("known"))
        fields = {
            "visits": Code(visits) if visits == "all" else Size(int(visits)),
            "highest": _fraction(row, maximum, around, "max", "risk", "value"),
            "average": _fraction(row, figure, around, "mean"),
            "unique": _part_of(row, "unique", whole, k),
            "at_risk": _part_of(row, "at_risk", whole, k),
            "subjects": safe(whole, k),
            "bin_days": Size(days) if days is not None and days <= MOST_DAYS else None,
            "known": Code(known if known in _KNOWN else "days"),
            "bound": row.get("kind") == "bound",
        }
        out.append(Leaving("Trajectory", fields))
    return tuple(out)


def _fraction(
    row: Mapping[str, Any],
    leave: Callable[[float, Around], Risk | Band | SafeCount],
    around: Around,
    *names: str,
) -> Risk | Band | SafeCount | None:
    """Return the first of these cells that holds a fraction, as it may leave."""
    for name in names:
        value = row.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
            return leave(float(value), around)
    return None


def _whole(row: Mapping[str, Any], *names: str) -> int | None:
    """Return the first of these cells that holds a count."""
    for name in names:
        value = row.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None


def _part_of(row: Mapping[str, Any], name: str, whole: int, k: int) -> SafeCount | None:
    """Return a count that is part of a total."""
    value = _whole(row, name)
    return None if value is None or value > whole else safe(value, k, whole)


COUNTED = {"intervals", "merged", "subjects_small_before", "subjects_small_after"}
STRATA = {"small_before": "subjects_small_before", "small_after": "subjects_small_after"}
OF_ONE = {"largest_relative"}


def imaging_measures(values: Mapping[str, float], around: Around) -> Mapping[Code, Any]:
    """Return what a figure for users of images may tell.

    Nothing where fewer than k subjects are behind it, and never the extreme of one subject.
    Strata that hold a hidden number of subjects are withheld: n strata hold n at least.
    """
    figure: ImagingFigure = around.part
    k = around.k
    out: dict[Code, Any] = {}
    for name, value in values.items() if figure.subjects >= k else ():
        if name in COUNTED:
            total = figure.subjects if name.startswith("subjects") else None
            out[Code(name)] = safe(round(value), k, total)
        elif name in STRATA and 0 < values[STRATA[name]] < k:
            out[Code(name)] = SafeCount(state="withheld", k=k)
        elif name not in OF_ONE:
            out[Code(name)] = amount(value)
    return MappingProxyType(out)


ASSUMPTION = word_of(NAMES, "other")
"""Which declared interval a bar belongs to."""
CONTENT = words_among(FOUND)
"""Kinds of content that reading met; fixed words."""
AGAINST = words_among((*FOUND, MEASUREMENT))
"""What contradicts a statement: our own figure, or kinds of content."""
