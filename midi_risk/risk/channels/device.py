"""The channel from scanner to site: whom what is retained of a scanner makes easier to find.

Machine information is to be kept unless it is quantified as pushing the risk over the
threshold (best practice 4 of the MIDI report). This is that quantification: how likely each site
is given all that is retained of the scanner, how many people of the class are left among those
sites, and how much that adds to the risk of each subject.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.attributes.ladders import LADDERS
from midi_risk.attributes.model import Attribute, Decision, Role
from midi_risk.document.assessment import ChannelEntry
from midi_risk.errors import MeasureError
from midi_risk.risk.adversaries import AdversaryRisk
from midi_risk.table.model import SubjectTable

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_SAME = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Anonymity:
    """Among how many people the best guess is made, with the scanner and without.

    Parameters
    ----------
    without : numpy.ndarray, shape (n,)
        A0: people of the class of each subject on the other attributes.
    left : numpy.ndarray, shape (n,)
        A: effective number of them once the scanner is seen; the best guess is right with 1 / A.
    """

    without: Floats
    left: Floats

    @property
    def increment(self) -> Floats:
        """What the scanner adds to the risk of each subject, shape (n,)."""
        return np.asarray(1 / self.left - 1 / self.without, dtype=np.float64)

    def carried(self, k: int) -> npt.NDArray[np.bool_]:
        """Tell the subjects whom the scanner carries below k people, shape (n,)."""
        return np.asarray((self.without >= k - _SAME) & (self.left < k - _SAME))

    def judged(self, k: int) -> Floats:
        """Return the increment; of a subject carried below k people the whole risk, shape (n,).

        Two figures within a threshold may add up to one that is not.
        """
        return np.where(self.carried(k), 1 / self.left, self.increment)


def site_anonymity(
    classes: Codes,
    site: Codes,
    device: Codes,
    *,
    people: Floats | None = None,
    who_is_in: bool = False,
) -> Anonymity:
    """Return among how many people each subject is, once what is retained of the scanner is seen.

    Parameters
    ----------
    classes : numpy.ndarray of int64, shape (n,)
        Class q of each subject on the attributes that do not speak of the scanner.
    site, device : numpy.ndarray of int64, shape (n,)
        Codes of the site, -1 where it is not known, and of *all* that is retained of the
        scanner together.
    people : numpy.ndarray, shape (n,), optional
        People F_q of the class of each subject in the population, equal within a class; the
        subjects of the release by default.
    who_is_in : bool
        Whether the attacker knows who is in the release, and perhaps where this person was
        imaged: a search for the record of a person, besides one for the person of a record.

    Raises
    ------
    MeasureError
        When the arrays differ in length.

    Notes
    -----
    ``A(q, d) = sum_s F_qs P(d | s) / max_s P(d | s)`` over the sites of the class, with
    ``P(d | s) = n_sd / n_s`` and the people of a class distributed over the sites as its
    subjects are; whoever knows the site looks among ``sum_r P(s | d_r) / max_r P(s | d_r)``
    records r of the class. A scanner that no subject of a site had does not stand there, and no
    site outside the collection counts: both make sets smaller, never larger. A subject whose
    scanner only subjects of unknown sites had is among those alone.

    Examples
    --------
    One model at 23 sites of ten people each tells nothing; a serial number tells all.

    >>> site = np.repeat(np.arange(23), 10)
    >>> found = site_anonymity(np.zeros(230, dtype=np.int64), site, np.zeros_like(site))
    >>> float(found.left.min()), float(found.increment.max())
    (230.0, 0.0)
    >>> found = site_anonymity(np.zeros(230, dtype=np.int64), site, site)
    >>> float(found.left.max()), round(float(found.increment.max()), 4)
    (10.0, 0.0957)
    """
    n = len(classes)
    if not n == len(site) == len(device) or (people is not None and len(people) != n):
        raise MeasureError("classes, sites and scanners are those of the same subjects")
    rows = pd.DataFrame({"q": classes, "s": site, "d": device})
    size = rows.groupby("q")["q"].transform("size").to_numpy(dtype=np.float64)
    without = size if people is None else np.maximum(size, people)
    alike = rows.groupby(["q", "d"])["q"].transform("size").to_numpy(dtype=np.float64)
    known = rows[rows["s"] >= 0]
    at = known.groupby(["s", "d"]).size().rename("n_sd").reset_index()
    at["d_of_s"] = at["n_sd"] / at.groupby("s")["n_sd"].transform("sum")
    at["s_of_d"] = at["n_sd"] / at.groupby("d")["n_sd"].transform("sum")
    pairs = rows.groupby(["q", "d"]).size().rename("f_qd").reset_index().merge(at, on="d")
    here = known.groupby(["q", "s"]).size().rename("f_qs").reset_index()
    seen = pairs.merge(here, on=["q", "s"])
    seen["share"] = seen["f_qs"] * seen["d_of_s"]
    among = _summed(rows, seen, ["q", "d"], "share", "d_of_s")
    left = np.where(np.isnan(among), alike, among) * (without / size)
    if who_is_in:
        pairs["share"] = pairs["f_qd"] * pairs["s_of_d"]
        records = _summed(rows, pairs, ["q", "s"], "share", "s_of_d")
        left = np.fmin(left, records)
    left = np.maximum(1.0, np.where(left >= without * (1 - _SAME), without, left))
    return Anonymity(without=without, left=left)


def _summed(rows: pd.DataFrame, pairs: pd.DataFrame, by: list[str], share: str, top: str) -> Floats:
    """Return sum of one column over maximum of the other for each subject; NaN without a pair."""
    found = pairs.groupby(by).agg(total=(share, "sum"), most=(top, "max")).reset_index()
    joined = rows.merge(found, on=by, how="left")
    return np.asarray(joined["total"] / joined["most"], dtype=np.float64)


_NAME = "device_site"
_MEANING = (
    "value and upper bound: mean and highest increment over the classes without the scanner, and"
    " the whole risk of whoever falls below the required size"
)


NO_ADVERSARY = "the sites are known, and no adversary was judged yet"
"""Evidence of a channel that the assessment measures by itself once it has adversaries."""


def device_entry(
    table: SubjectTable, view: SubjectTable, names: list[str], risks: Sequence[AdversaryRisk]
) -> ChannelEntry:
    """Return the channel from scanner to site.

    Parameters
    ----------
    table : SubjectTable
        Before the decisions: a site that is removed from the release still tells here how
        far the scanner gives it away.
    view : SubjectTable
        As it would be released.
    names : list of str
        Quasi-identifiers in the release.
    risks : sequence of AdversaryRisk
        The worst of them counts. A prosecutor looks among the subjects of the release, a
        journalist and a marketer among the people of the population.

    Returns
    -------
    ChannelEntry
        ``assessed`` with value 0 when nothing of a scanner is retained, or when all that is
        retained is a quasi-identifier and no site is known; ``bounded`` by what the scanner
        adds when sites are known; ``not_assessed`` when scanner attributes are retained outside
        the class table and no site is known.
    """
    telling = [
        a
        for a in view.attributes
        if _retained(a)
        and (_tells_of(a) == "scanner" or (_tells_of(a) == "site" and a.name not in names))
    ]
    if not telling:
        return ChannelEntry(
            name=_NAME, status="assessed", value=0.0, lower=0.0, upper=0.0,
            evidence="no attribute of a scanner is retained",
        )  # fmt: skip
    sites = [
        a.name
        for a in table.attributes
        if _tells_of(a) == "site"
        and a.name in table.frame.columns
        and table.frame[a.name].notna().any()
    ]
    if not sites:
        return _without_sites(telling, names)
    if not risks:
        return ChannelEntry(name=_NAME, status="not_assessed", evidence=NO_ADVERSARY)
    missing = table.frame[sites].isna().all(axis=1).to_numpy()
    site = np.where(missing, -1, _together([_values(table, name) for name in sites]))
    values = {a.name: _values(view, a.name) if a.name in view.frame else site for a in telling}
    device = _together(list(values.values()))
    guesses = [_Guess.of(view, risk, site, device) for risk in risks]
    worst = max(guesses, key=lambda guess: (guess.largest, guess.mean))
    mean = max(guess.mean for guess in guesses)
    unread = [a.name for a in telling if a.name not in view.frame]
    known = f"known for {int((~missing).sum())} of {len(missing)} subjects"
    place = f"site by {', '.join(sites)}: {len(np.unique(site[~missing]))} sites, {known}"
    text = [place, worst.told()]
    text += [worst.alone(view, site, name, codes) for name, codes in values.items()]
    if unread:
        text.append(f"{_few(unread)} not read, taken to tell the site")
    text.append(_MEANING)
    return ChannelEntry(
        name=_NAME,
        status="bounded",
        value=mean,
        lower=0.0,
        upper=worst.largest,
        mean=mean,
        evidence="; ".join(text),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Guess:
    """What the scanner gives to one adversary."""

    risk: AdversaryRisk
    found: Anonymity

    @classmethod
    def of(cls, view: SubjectTable, risk: AdversaryRisk, site: Codes, device: Codes) -> _Guess:
        """Return it for one adversary and what is retained of scanners, as codes."""
        others = [name for name in risk.knows if _tells_of(view.attributes[name]) != "scanner"]
        classes = _together([_values(view, name) for name in others], len(site))
        who_is_in = "prosecutor" in risk.adversary.attack or risk.adversary.membership is not None
        people = None if who_is_in else _people(risk, classes)
        found = site_anonymity(classes, site, device, people=people, who_is_in=who_is_in)
        return cls(risk=risk, found=found)

    @property
    def figures(self) -> Floats:
        """The judged figure of each subject."""
        return self.found.judged(self.risk.required_size)

    @property
    def largest(self) -> float:
        """The judged figure of the worst subject."""
        return float(self.figures.max(initial=0))

    @property
    def mean(self) -> float:
        """The judged figure of the average subject."""
        return float(self.figures.mean()) if len(self.figures) else 0.0

    def told(self) -> str:
        """Return what all that is retained adds, in words."""
        k, found = self.risk.required_size, self.found
        return (
            f"{self.risk.model.name}, {self.risk.adversary.name}: all that is retained of the"
            f" scanner together adds at most {found.increment.max(initial=0):.3g} and leaves at"
            f" least {found.left.min(initial=np.inf):,.3g} people; {int(found.carried(k).sum())}"
            f" subjects fall below the required {k}"
        )

    def alone(self, view: SubjectTable, site: Codes, name: str, codes: Codes) -> str:
        """Return what one attribute adds by itself, and what best practice 4 asks of it."""
        guess, k = _Guess.of(view, self.risk, site, codes), self.risk.required_size
        carried = int(guess.found.carried(k).sum())
        keep = guess.largest <= 1 / k + _SAME
        return (
            f"{name} alone adds at most {guess.found.increment.max(initial=0):.3g} ({carried}"
            f" subjects fall below {k}): {'keep' if keep else 'generalise or remove'}"
        )


def _people(risk: AdversaryRisk, classes: Codes) -> Floats | None:
    """Return the people of the population in each coarser class; None where F = f."""
    if risk.class_risk.exact:
        return None
    fine = risk.classes.class_of_record
    frame = pd.DataFrame({"q": classes, "fine": fine}).drop_duplicates()
    frame["people"] = risk.class_risk.population[frame["fine"].to_numpy()]
    total = frame.groupby("q")["people"].sum()
    return np.asarray(total.reindex(classes), dtype=np.float64)


def _values(table: SubjectTable, name: str) -> Codes:
    """Return the value of each subject as a code, all of its values where it has several."""
    texts = table.frame[name].to_numpy(dtype=object).copy()
    texts[pd.isna(texts)] = None
    several = table.repeated.get(name)
    if several is not None:
        row = table.frame.index.get_indexer(pd.Index(several.keys, dtype=object))
        ends = np.cumsum(several.lengths)
        for place, end, length in zip(row, ends, several.lengths, strict=True):
            if place >= 0 and texts[place] is not None:
                texts[place] = tuple(sorted(several.codes[end - length : end].tolist()))
    return np.asarray(pd.factorize(texts, use_na_sentinel=False)[0], dtype=np.int64)


def _together(columns: list[Codes], n: int = 0) -> Codes:
    """Return one code per combination of values; one for all without a column."""
    if not columns:
        return np.zeros(n, dtype=np.int64)
    both = np.unique(np.column_stack(columns), axis=0, return_inverse=True)[1]
    return np.asarray(both.reshape(-1), dtype=np.int64)


def _without_sites(telling: list[Attribute], names: list[str]) -> ChannelEntry:
    """Return the channel where the sources name no site."""
    outside = [a.name for a in telling if a.name not in names]
    if not outside:
        return ChannelEntry(
            name=_NAME, status="assessed", value=0.0, lower=0.0, upper=0.0,
            evidence="all that is retained of scanners is among the quasi-identifiers, so the"
            " classes count it already; no source names a site",
        )  # fmt: skip
    return ChannelEntry(
        name=_NAME,
        status="not_assessed",
        evidence=f"retained outside the classes, and no source names a site: {_few(outside)}",
    )


def _few(names: list[str]) -> str:
    """Return at most five names and how many more."""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{', '.join(names[:5])}{more}"


def _tells_of(attribute: Attribute) -> str:
    """Return what the values of an attribute speak of: a scanner, a site or neither."""
    ladder = LADDERS.get(attribute.ladder or "")
    return "" if ladder is None else ladder.tells_of


def _retained(attribute: Attribute) -> bool:
    return attribute.decision is not Decision.REMOVE and attribute.role not in {
        Role.DIRECT_IDENTIFIER,
        Role.LINKAGE_KEY,
    }
