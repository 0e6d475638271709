"""The measures, one entry each: formula, source, unit, and how a figure may leave.

An entry's key is the name that an assessment uses (`prosecutor_max`) or, where no assessment
holds the measure, the call that computes it. Words of the report, the terms of
``midi-risk explain``, the literature that a report cites, the rounding of the shareable edition
and the tables of ``docs/measures.md`` follow from the entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Source(NamedTuple):
    """A publication: how a result cites it, its DOI, and how a list of literature does."""

    short: str
    doi: str = ""
    full: str = ""

    @property
    def listed(self) -> str:
        """The entry of a list of literature."""
        text = self.full or f"{self.short}."
        return f"{text} doi:{self.doi}." if self.doi else text


LITERATURE: Mapping[str, Source] = {
    "midi": Source(
        "NCI MIDI Task Group",
        full="Clunie DA, Flanders A, Taylor A, et al. Report of the Medical Image "
        "De-Identification (MIDI) Task Group: Best Practices and Recommendations. "
        "arXiv:2303.10473.",
    ),
    "ps315": Source(
        "DICOM PS3.15 Annex E",
        full="DICOM PS3.15, Annex E: Attribute Confidentiality Profiles.",
    ),
    "iso27559": Source(
        "ISO/IEC 27559:2022",
        full="ISO/IEC 27559:2022. Privacy enhancing data de-identification framework.",
    ),
    "elemam2013": Source(
        "El Emam 2013",
        full="El Emam K. Guide to the De-Identification of Personal Health Information. "
        "CRC Press, 2013.",
    ),
    "dankar2010": Source(
        "Dankar & El Emam 2010",
        "10.1145/1754239.1754271",
        "Dankar FK, El Emam K. A method for evaluating marketer re-identification risk. "
        "EDBT/ICDT Workshops 2010.",
    ),
    "sweeney2002": Source(
        "Sweeney 2002",
        "10.1142/S0218488502001648",
        "Sweeney L. k-anonymity: a model for protecting privacy. Int J Uncertain "
        "Fuzziness Knowl-Based Syst 2002;10:557-570.",
    ),
    "machanavajjhala2007": Source(
        "Machanavajjhala et al. 2007",
        "10.1145/1217299.1217302",
        "Machanavajjhala A, et al. l-diversity: privacy beyond k-anonymity. ACM TKDD 2007;1:3.",
    ),
    "li2007": Source(
        "Li, Li & Venkatasubramanian 2007",
        "10.1109/ICDE.2007.367856",
        "Li N, Li T, Venkatasubramanian S. t-closeness: privacy beyond k-anonymity and "
        "l-diversity. ICDE 2007.",
    ),
    "hoshino2001": Source(
        "Hoshino 2001",
        full="Hoshino N. Applying Pitman's sampling formula to microdata disclosure risk "
        "assessment. J Off Stat 2001;17:499-520.",
    ),
    "hundepool2012": Source(
        "Hundepool et al. 2012",
        "10.1002/9781118348239",
        "Hundepool A, et al. Statistical Disclosure Control. Wiley, 2012.",
    ),
    "ema0070": Source(
        "EMA Policy 0070",
        full="EMA/90915/2016. External guidance on the implementation of Policy 0070.",
    ),
    "ipc2016": Source(
        "IPC Ontario 2016",
        full="Information and Privacy Commissioner of Ontario. De-identification Guidelines for "
        "Structured Data, 2016.",
    ),
    "elemam2011": Source(
        "El Emam et al. 2011",
        "10.1371/journal.pone.0028071",
        "El Emam K, Jonker E, Arbuckle L, Malin B. A systematic review of "
        "re-identification attacks on health data. PLoS ONE 2011;6:e28071.",
    ),
    "clopper1934": Source(
        "Clopper & Pearson 1934",
        "10.1093/biomet/26.4.404",
        "Clopper CJ, Pearson ES. The use of confidence or fiducial limits. Biometrika "
        "1934;26:404-413.",
    ),
    "samarati2001": Source("Samarati 2001", "10.1109/69.971193"),
    "sweeney2001": Source("Sweeney 2001, PhD thesis, MIT"),
    "sweeney2002b": Source("Sweeney 2002 (generalisation)", "10.1142/S021848850200165X"),
    "templ2015": Source("Templ, Kowarik & Meindl 2015", "10.18637/jss.v067.i04"),
    "wong2006": Source("Wong, Li, Fu & Wang 2006", "10.1145/1150402.1150499"),
    "terrovitis2008": Source("Terrovitis, Mamoulis & Kalnis 2008", "10.14778/1453856.1453874"),
    "nergiz2007": Source(
        "Nergiz, Atzori & Clifton 2007",
        "10.1145/1247480.1247554",
        "Nergiz ME, Atzori M, Clifton C. Hiding the presence of individuals from shared "
        "databases. SIGMOD 2007.",
    ),
    "benedetti1998": Source(
        "Benedetti & Franconi 1998",
        full="Benedetti R, Franconi L. Statistical and technological solutions for controlled "
        "data dissemination. New Techniques and Technologies for Statistics, 1998.",
    ),
    "elliot2002": Source(
        "Elliot, Manning & Ford 2002",
        "10.1142/S0218488502001594",
        "Elliot MJ, Manning AM, Ford RW. A computational algorithm for handling the special "
        "uniques problem. Int J Uncertain Fuzziness Knowl-Based Syst 2002;10:493-509.",
    ),
    "manning2008": Source(
        "Manning, Haglin & Keane 2008",
        "10.1007/s10618-007-0078-6",
        "Manning AM, Haglin DJ, Keane JA. A recursive search algorithm for statistical "
        "disclosure assessment. Data Min Knowl Discov 2008;16:165-196.",
    ),
    "skinner2002": Source(
        "Skinner & Elliot 2002",
        "10.1111/1467-9868.00365",
        "Skinner CJ, Elliot MJ. A measure of disclosure risk for microdata. J R Stat Soc B "
        "2002;64:855-867.",
    ),
    "motwani2007": Source("Motwani & Xu 2007"),
    "cao2012": Source("Cao & Karras 2012", "10.14778/2350229.2350255"),
    "brickell2008": Source("Brickell & Shmatikov 2008", "10.1145/1401890.1401904"),
    "pitman1995": Source("Pitman 1995", "10.1007/BF01213386"),
    "skinner1998": Source("Skinner & Holmes 1998"),
    "skinner2008": Source("Skinner & Shlomo 2008", "10.1198/016214507000001328"),
    "domingo2001": Source("Domingo-Ferrer & Torra 2001"),
    "gower1971": Source("Gower 1971", "10.2307/2528823"),
    "elliot2014": Source("Elliot 2014"),
    "taub2018": Source("Taub, Elliot, Pampaka & Smith 2018", "10.1007/978-3-319-99771-1_9"),
    "giomi2023": Source("Giomi et al. 2023", "10.56553/popets-2023-0055"),
    "iyengar2002": Source("Iyengar 2002", "10.1145/775047.775089"),
    "gionis2009": Source("Gionis & Tassa 2009", "10.1109/TKDE.2008.129"),
    "lefevre2006": Source("LeFevre, DeWitt & Ramakrishnan 2006", "10.1109/ICDE.2006.101"),
    "bayardo2005": Source("Bayardo & Agrawal 2005", "10.1109/ICDE.2005.42"),
    "goldberger2010": Source("Goldberger & Tassa 2010"),
    "yancey2002": Source("Yancey, Winkler & Creecy 2002"),
    "mlodak2020": Source("Mlodak 2020", "10.59170/stattrans-2020-030"),
    "woo2009": Source("Woo, Reiter, Oganian & Karr 2009", "10.29012/jpc.v1i1.568"),
    "snoke2018": Source("Snoke et al. 2018", "10.1111/rssa.12358"),
}
"""Key -> publication; the order is that of a report's list."""


def cited(*keys: str) -> str:
    """Return how a result cites publications.

    Examples
    --------
    >>> cited("elemam2013", "dankar2010")
    'El Emam 2013; Dankar & El Emam 2010, doi:10.1145/1754239.1754271'
    """
    found = [LITERATURE[key] for key in keys]
    return "; ".join(f"{s.short}, doi:{s.doi}" if s.doi else s.short for s in found)


class Leaves(StrEnum):
    """How a figure may leave in the shareable edition."""

    COUNT = "count of subjects, small ones hidden"
    DIGITS = "two digits"
    DECADES = "powers of ten around it"
    WHOLE = "whole number of the release"
    RECORDS = "not at all: one figure per record"


PROBABILITY = "probability, 0 to 1"
SHARE = "share of subjects, 0 to 1"
EXTENT = "share, 0 to 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """All that is known of a measure besides the code that computes it.

    Parameters
    ----------
    key : str
        Name in an assessment, or the call that computes it.
    title : str
        Heading, as in the report.
    group : str
        Section of the page of measures.
    formula : str
        One line; n, f, F, u, q, p as that page says.
    unit : str
        Unit and range.
    leaves : Leaves
    sources : tuple of str
        Keys of `LITERATURE`; empty where it was derived here.
    functions : tuple of str
        Public functions that compute it, where the key is no call or does not say all.
    meaning : str
        What the report adds to the title; a measure with one is a figure of an assessment.
    term : str
        Term of the glossary that it belongs to.
    peers : str
        Where other programs agree or differ.
    """

    key: str
    title: str
    group: str
    formula: str
    unit: str
    leaves: Leaves
    sources: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    meaning: str = ""
    term: str = ""
    peers: str = ""

    @property
    def calls(self) -> tuple[str, ...]:
        """Public functions that compute it, with the arguments that choose it."""
        return self.functions if self.meaning else (self.key, *self.functions)


_ENTRIES = (
    Measure(
        key="prosecutor_max",
        title="Highest prosecutor risk",
        group="Identity disclosure",
        formula="1 / min f, with f the class size in the release",
        unit=PROBABILITY,
        leaves=Leaves.DIGITS,
        sources=("elemam2013",),
        functions=("identity_risk",),
        meaning="the subject easiest to single out",
        term="prosecutor",
        peers="ARX agrees, except that its threshold 0.09 becomes k = 12. Here k = 11 "
        "accepts a class of 11; a literal `threshold` is compared as written",
    ),
    Measure(
        key="prosecutor_mean",
        title="Average prosecutor risk",
        group="Identity disclosure",
        formula="number of classes / number of subjects",
        unit=PROBABILITY,
        leaves=Leaves.DIGITS,
        sources=("elemam2013",),
        functions=("identity_risk",),
        meaning="mean over all subjects",
        term="prosecutor",
    ),
    Measure(
        key="prosecutor_at_risk",
        title="Subjects at risk, prosecutor",
        group="Identity disclosure",
        formula="sum of f over classes with f < k, divided by the number of subjects",
        unit=SHARE,
        leaves=Leaves.COUNT,
        sources=("elemam2013",),
        functions=("identity_risk",),
        meaning="share of subjects in classes smaller than k",
        term="prosecutor",
    ),
    Measure(
        key="journalist_max",
        title="Highest journalist risk",
        group="Identity disclosure",
        formula="1 / min F, with F the class size in the matching population",
        unit=PROBABILITY,
        leaves=Leaves.DIGITS,
        sources=("dankar2010",),
        functions=("identity_risk",),
        meaning="the subject easiest to single out",
        term="journalist",
    ),
    Measure(
        key="journalist_mean",
        title="Average journalist risk",
        group="Identity disclosure",
        formula="max(|J| / sum F, mean of 1 / F)",
        unit=PROBABILITY,
        leaves=Leaves.DIGITS,
        sources=("dankar2010",),
        functions=("identity_risk",),
        meaning="mean over all subjects, the larger of both directions",
        term="journalist",
    ),
    Measure(
        key="journalist_at_risk",
        title="Subjects at risk, journalist",
        group="Identity disclosure",
        formula="sum of f over classes with F < k, divided by the number of subjects",
        unit=SHARE,
        leaves=Leaves.COUNT,
        sources=("dankar2010",),
        functions=("identity_risk",),
        meaning="share of subjects with fewer than k look-alikes",
        term="journalist",
    ),
    Measure(
        key="marketer_mean",
        title="Marketer risk",
        group="Identity disclosure",
        formula="mean of 1 / F over all subjects",
        unit=PROBABILITY,
        leaves=Leaves.DIGITS,
        sources=("dankar2010",),
        functions=("identity_risk",),
        meaning="expected share of subjects that are matched correctly",
        term="marketer",
        peers="without F the prosecutor's mean, as an upper bound",
    ),
    Measure(
        key="membership_max",
        title="Highest risk, membership weighted",
        group="Identity disclosure",
        formula="max of w / f + (1 - w) / F, with w the probability that membership is known",
        unit=PROBABILITY,
        leaves=Leaves.DIGITS,
        sources=("elemam2013",),
        functions=("assess",),
        meaning="the subject easiest to single out",
        term="membership",
    ),
    Measure(
        key="membership_mean",
        title="Average risk, membership weighted",
        group="Identity disclosure",
        formula="mean of w / f + (1 - w) / F",
        unit=PROBABILITY,
        leaves=Leaves.DIGITS,
        sources=("elemam2013",),
        functions=("assess",),
        meaning="mean over all subjects",
        term="membership",
    ),
    Measure(
        key="membership_at_risk",
        title="Subjects at risk, membership weighted",
        group="Identity disclosure",
        formula="share with w / f + (1 - w) / F > 1 / k",
        unit=SHARE,
        leaves=Leaves.COUNT,
        sources=("elemam2013",),
        functions=("assess",),
        meaning="share of subjects with a risk above 1 / k",
        term="membership",
    ),
    Measure(
        key="prosecutor_strict_mean",
        title="Strict average prosecutor risk",
        group="Identity disclosure",
        formula="mean of 1 / f, accepted only when no class is smaller than the floor",
        unit=PROBABILITY,
        leaves=Leaves.DIGITS,
        sources=("ipc2016",),
        functions=("strict_mean",),
        meaning="mean over all subjects, with a floor for the smallest class",
        term="strict average",
        peers="below the floor the maximum stands in its place",
    ),
    Measure(
        key="journalist_strict_mean",
        title="Strict average journalist risk",
        group="Identity disclosure",
        formula="mean of 1 / F, accepted only when no class is smaller than the floor",
        unit=PROBABILITY,
        leaves=Leaves.DIGITS,
        sources=("ipc2016",),
        functions=("strict_mean",),
        meaning="mean over all subjects, with a floor for the smallest class",
        term="strict average",
    ),
    Measure(
        key="population_unique",
        title="Population uniques",
        group="Identity disclosure",
        formula="",
        unit=SHARE,
        leaves=Leaves.COUNT,
        sources=("hoshino2001",),
        functions=("assess",),
        meaning="share of subjects without a look-alike in the population",
        term="sample unique",
    ),
    Measure(
        key="trajectory_max",
        title="Highest visit-pattern risk",
        group="Identity disclosure",
        formula="1 / smallest number of subjects with the same known visits",
        unit=PROBABILITY,
        leaves=Leaves.DIGITS,
        sources=("terrovitis2008",),
        functions=("assess",),
        meaning="the visit intervals easiest to single out",
        term="visit intervals",
    ),
    Measure(
        key="equivalence_classes",
        title="equivalence classes",
        group="Classes and anonymity",
        formula="records equal on the quasi-identifiers; with weights F = sum of weights",
        unit="number of subjects",
        leaves=Leaves.RECORDS,
        sources=("samarati2001",),
        term="equivalence class",
        peers="pycanon drops missing values with one quasi-identifier, and reads index "
        "labels as positions",
    ),
    Measure(
        key='equivalence_classes(missing="wildcard")',
        title="wildcard sizes",
        group="Classes and anonymity",
        formula="f = own + alpha x compatible patterns with missing values (+ all compatible "
        "complete ones for a pattern with missing values); a record without any value "
        "matches all",
        unit="number of subjects",
        leaves=Leaves.RECORDS,
        sources=("templ2015",),
        term="equivalence class",
        peers="equal to sdcMicro `freqCalc`; keys may be text and may have any name. "
        "`symmetric=True` lets a record without values add to the complete ones",
    ),
    Measure(
        key="k_anonymity",
        title="k-anonymity",
        group="Classes and anonymity",
        formula="min f; None without records",
        unit="number of subjects, from 1",
        leaves=Leaves.WHOLE,
        sources=("sweeney2002",),
        term="k-anonymity",
        peers="pycanon returns 0 for an unused category",
    ),
    Measure(
        key="k_map",
        title="k-map",
        group="Classes and anonymity",
        formula="min F over released classes",
        unit="number of people, from 1",
        leaves=Leaves.WHOLE,
        sources=("sweeney2001",),
        term="k-map",
    ),
    Measure(
        key="k_map_sample_size",
        title="k-map from the sample",
        group="Classes and anonymity",
        formula="smallest f' with P(Binomial(k-1, pi) >= f') <= significance",
        unit="number of subjects, from 1",
        leaves=Leaves.WHOLE,
        term="k-map",
        peers="ARX uses Poisson (asking for one more) or zero-truncated Poisson; both are "
        "available by name",
    ),
    Measure(
        key="alpha_k_anonymity",
        title="(alpha,k)-anonymity",
        group="Classes and anonymity",
        formula="max q, min f",
        unit="share, 0 to 1; number of subjects",
        leaves=Leaves.DIGITS,
        sources=("wong2006",),
        term="k-anonymity",
        peers="pycanon agrees",
    ),
    Measure(
        key="km_anonymity",
        title="k^m-anonymity",
        group="Classes and anonymity",
        formula="least support of any m items of a subject",
        unit="number of subjects, from 1",
        leaves=Leaves.WHOLE,
        sources=("terrovitis2008",),
        term="k-anonymity",
    ),
    Measure(
        key="delta_presence",
        title="delta-presence",
        group="Identity disclosure",
        formula="range of f/F",
        unit=PROBABILITY,
        leaves=Leaves.DECADES,
        sources=("nergiz2007",),
        functions=("delta_presence",),
        meaning="how surely a member of the population is in the release",
        term="delta-presence",
    ),
    Measure(
        key="individual_risk",
        title="individual risk",
        group="Identity disclosure",
        formula="E[1/F given f] = (p/f) 2F1(1, 1; f+1; 1-p), p = f/F; weights that add up to "
        "less than f count as f",
        unit=PROBABILITY,
        leaves=Leaves.RECORDS,
        sources=("benedetti1998",),
        functions=("expected_inverse",),
        term="individual risk",
        peers="sdcMicro's `exact` sums an alternating series that leaves [0, 1] for large f "
        'or p. `method="approximate"` is its default formula, without its cancellation '
        "near p = 1 and without risk 0 for f between 1 and 2",
    ),
    Measure(
        key="global_risk",
        title="Global risk, threshold",
        group="Identity disclosure",
        formula="sum of risks; largest v such that risks capped at v stay below the limit",
        unit="expected number of subjects; probability",
        leaves=Leaves.DIGITS,
        sources=("benedetti1998", "hundepool2012"),
        functions=("global_risk", "risk_threshold"),
        meaning="expected number of subjects that are identified when all are attacked",
        term="global risk",
        peers='sdcMicro writes 0 for "unreachable" and NA for "not needed"',
    ),
    Measure(
        key="household_risk",
        title="household or cluster risk",
        group="Identity disclosure",
        formula="1 - prod(1 - r) over members",
        unit=PROBABILITY,
        leaves=Leaves.RECORDS,
        sources=("hundepool2012",),
        term="subject",
        peers="identifiers of any type; without one a record is alone",
    ),
    Measure(
        key="outstanding_records",
        title="outstanding records",
        group="Identity disclosure",
        formula="r > median + c MAD and r > 0.1",
        unit="one flag per record",
        leaves=Leaves.RECORDS,
        sources=("templ2015",),
        term="at risk",
        peers="sdcMicro uses c = 3 in one place and 2 in another",
    ),
    Measure(
        key="suda",
        title="Special uniques, SUDA2",
        group="Special uniques and combinations",
        formula="sum over MSUs of size s of (m-s)!/(m-M)!, or (2^(m-s)-1) s!(m-s)!/m!",
        unit="score, from 0",
        leaves=Leaves.RECORDS,
        sources=("elliot2002", "manning2008"),
        functions=("suda",),
        meaning="subjects whom few attributes single out",
        term="special unique",
        peers="equal to sdcMicro for three variables and more; below, sdcMicro adds constant "
        "columns, which changes weights. ARX keeps only the last MSU of a record; the "
        "package `suda` counts uniques that are not minimal",
    ),
    Measure(
        key="data_intrusion_simulation",
        title="DIS, DIS-SUDA",
        group="Special uniques and combinations",
        formula="pi U / (pi U + (1-pi) P); scaled by score^Q, Q = 1 + (8-m)/20",
        unit=PROBABILITY,
        leaves=Leaves.DIGITS,
        sources=("skinner2002",),
        functions=("suda",),
        term="DIS-SUDA",
        peers="sdcMicro works in single precision (equal to 1e-6), and is NaN when all "
        "uniques share a hash bucket",
    ),
    Measure(
        key="SudaResult",
        title="contributions",
        group="Special uniques and combinations",
        formula="share of MSU weight that holds the attribute, or the value",
        unit=EXTENT,
        leaves=Leaves.RECORDS,
        sources=("elliot2002",),
        term="contribution",
        peers="an attribute in no MSU is 0, in sdcMicro NaN",
    ),
    Measure(
        key="combination_risks",
        title="unsafe combinations",
        group="Special uniques and combinations",
        formula="classes with f < k for every combination up to a size",
        unit="number of subjects",
        leaves=Leaves.COUNT,
        sources=("hundepool2012",),
        term="sample unique",
        peers="mu-Argus and `riskyCells` write f <= k - 1",
    ),
    Measure(
        key="combinations_frame",
        title="distinction, separation",
        group="Special uniques and combinations",
        formula="u/n; 1 - sum C(f,2)/C(n,2)",
        unit=EXTENT,
        leaves=Leaves.DIGITS,
        sources=("motwani2007",),
        functions=("combination_risks",),
        term="quasi-identifier",
        peers="equal to ARX",
    ),
    Measure(
        key="l_diversity",
        title="distinct l",
        group="Attribute disclosure",
        formula="least number of values in a class",
        unit="number of values, from 1",
        leaves=Leaves.WHOLE,
        sources=("machanavajjhala2007",),
        term="l-diversity",
        peers="in sdcMicro each missing value is a new one",
    ),
    Measure(
        key='l_diversity(kind="entropy")',
        title="entropy l",
        group="Attribute disclosure",
        formula="min exp(-sum q ln q)",
        unit="effective number of values, from 1",
        leaves=Leaves.DIGITS,
        sources=("machanavajjhala2007",),
        term="l-diversity",
        peers="pycanon truncates, often to l - 1; ARX compares without tolerance, so exact "
        "ties can fail",
    ),
    Measure(
        key='l_diversity(kind="recursive")',
        title="recursive (c,l)",
        group="Attribute disclosure",
        formula="r_1 < c (r_l + ... + r_m), strict",
        unit="number of values; ratio, from 0",
        leaves=Leaves.DIGITS,
        sources=("machanavajjhala2007",),
        functions=("recursive_c",),
        term="l-diversity",
        peers="pycanon sorts ascending and is wrong",
    ),
    Measure(
        key='l_diversity(multi="extend")',
        title="several attributes",
        group="Attribute disclosure",
        formula='each alone (`multi="worst"`); or the others join the quasi-identifiers',
        unit="as for one attribute",
        leaves=Leaves.DIGITS,
        sources=("machanavajjhala2007",),
        term="l-diversity",
        peers="pycanon `gen=True` / `False`; sdcMicro's multi columns are always 0",
    ),
    Measure(
        key="t_closeness",
        title="t, equal distance",
        group="Attribute disclosure",
        formula="max 1/2 sum abs(q - p)",
        unit="distance, 0 to 1",
        leaves=Leaves.DIGITS,
        sources=("li2007",),
        term="t-closeness",
        peers="pycanon and ARX agree",
    ),
    Measure(
        key='t_closeness(distance="ordered")',
        title="t, ordered",
        group="Attribute disclosure",
        formula="(1/(m-1)) sum abs(cumulated q - p), by rank",
        unit="distance, 0 to 1",
        leaves=Leaves.DIGITS,
        sources=("li2007",),
        term="t-closeness",
        peers="text needs an `order`; pycanon takes the order of any number, even a code",
    ),
    Measure(
        key='t_closeness(distance="hierarchical")',
        title="t, hierarchical",
        group="Attribute disclosure",
        formula="sum of level/height x min(surplus, deficit) over nodes",
        unit="distance, 0 to 1",
        leaves=Leaves.DIGITS,
        sources=("li2007",),
        term="t-closeness",
        peers="ARX overflows 32 bits above 46,000 records and accepts unsafe tables",
    ),
    Measure(
        key="beta_likeness",
        title="basic beta",
        group="Attribute disclosure",
        formula="max (q - p)/p over rising shares",
        unit="relative gain, from 0",
        leaves=Leaves.DIGITS,
        sources=("cao2012",),
        term="sensitive attribute",
        peers="pycanon and ARX agree",
    ),
    Measure(
        key='beta_likeness(kind="enhanced")',
        title="enhanced beta",
        group="Attribute disclosure",
        formula="least beta with (q - p)/p <= min(beta, -ln p); infinite if none",
        unit="relative gain, from 0",
        leaves=Leaves.DIGITS,
        sources=("cao2012",),
        term="sensitive attribute",
        peers="pycanon returns a number that certifies nothing",
    ),
    Measure(
        key="delta_disclosure",
        title="delta-disclosure",
        group="Attribute disclosure",
        formula='max abs ln(q/p) over present values; `absent="infinite"` follows the definition',
        unit="natural logarithm of a ratio, from 0",
        leaves=Leaves.DIGITS,
        sources=("brickell2008",),
        term="sensitive attribute",
        peers="pycanon agrees; ARX uses log2",
    ),
    Measure(
        key="attribute_disclosure",
        title="all of them",
        group="Attribute disclosure",
        formula="one pass over the classes",
        unit="as each",
        leaves=Leaves.DIGITS,
        term="sensitive attribute",
    ),
    Measure(
        key="interval_disclosure",
        title="interval disclosure",
        group="Linkage and inference",
        formula="all abs(x - x') <= width x sd(x')",
        unit=SHARE,
        leaves=Leaves.COUNT,
        sources=("domingo2001",),
        term="sensitive attribute",
        peers="equal to sdcMicro `dRisk`",
    ),
    Measure(
        key="distance_linkage",
        title="distance linkage",
        group="Linkage and inference",
        formula="share of records whose own original is nearest by Gower distance; t ties "
        "count 1/t",
        unit=SHARE,
        leaves=Leaves.COUNT,
        sources=("gower1971",),
        term="linkage key",
    ),
    Measure(
        key="expected_compatible",
        title="dates known to within a window",
        group="Linkage and inference",
        formula="N (2W + 1)/T",
        unit="number of people, from 0",
        leaves=Leaves.DIGITS,
        term="visit intervals",
    ),
    Measure(
        key="correct_attribution",
        title="CAP, TCAP",
        group="Linkage and inference",
        formula="Pr(secret given key); over released classes with one secret",
        unit=PROBABILITY,
        leaves=Leaves.DIGITS,
        sources=("elliot2014", "taub2018"),
        term="sensitive attribute",
        peers="always with the baseline",
    ),
    Measure(
        key="singling_out",
        title="singling out, linkability, inference",
        group="Linkage and inference",
        formula="Wilson rate (s + z^2/2)/(n + z^2); gain (a - c)/(1 - c) over a control",
        unit=PROBABILITY,
        leaves=Leaves.DIGITS,
        sources=("giomi2023",),
        functions=("linkability", "inference", "attack_risk"),
        term="prosecutor",
        peers="the attacks are exact matches; a control that does as well raises a warning",
    ),
    Measure(
        key="generalisation_loss",
        title="Loss",
        group="Utility",
        formula="mean (leaves - 1)/(domain - 1); suppressed 1",
        unit=EXTENT,
        leaves=Leaves.DIGITS,
        sources=("iyengar2002",),
        term="generalisation hierarchy",
        peers='equal to ARX with `aggregate="geometric"`, which cuts ten decimals',
    ),
    Measure(
        key="non_uniform_entropy",
        title="non-uniform entropy",
        group="Utility",
        formula="sum -log2(n(value)/n(cover)) / sum -log2(n(value)/n)",
        unit=EXTENT,
        leaves=Leaves.DIGITS,
        sources=("gionis2009",),
        term="non-uniform entropy",
        peers="equal to ARX's normalised score where nothing is suppressed",
    ),
    Measure(
        key="precision",
        title="precision",
        group="Utility",
        formula="1 - mean level/height",
        unit=EXTENT,
        leaves=Leaves.DIGITS,
        sources=("sweeney2002b",),
        term="generalisation hierarchy",
        peers="equal to ARX",
    ),
    Measure(
        key="average_class_size",
        title="AECS, C_avg",
        group="Utility",
        formula="n/u; n/(u k)",
        unit="number of subjects, from 1",
        leaves=Leaves.DIGITS,
        sources=("lefevre2006",),
        functions=("normalised_class_size",),
        term="equivalence class",
    ),
    Measure(
        key="discernibility",
        title="discernibility",
        group="Utility",
        formula="sum f^2 + N x suppressed, exact",
        unit="number of pairs, from n",
        leaves=Leaves.DIGITS,
        sources=("bayardo2005",),
        term="equivalence class",
        peers="ARX's quality view overflows 32 bits",
    ),
    Measure(
        key="ambiguity",
        title="ambiguity",
        group="Utility",
        formula="mean product of leaves",
        unit="number of combinations, from 1",
        leaves=Leaves.DIGITS,
        sources=("goldberger2010",),
        term="generalisation hierarchy",
        peers="equal to ARX / N",
    ),
    Measure(
        key="kept_share",
        title="kept share",
        group="Utility",
        formula="share of non-missing cells kept",
        unit="share of cells, 0 to 1",
        leaves=Leaves.DIGITS,
        term="suppression",
    ),
    Measure(
        key="il1",
        title="IL1, IL1s",
        group="Utility",
        formula="sum 100 abs(x-x')/abs(x); mean abs(x-x')/(sqrt 2 sd)",
        unit="per cent, summed; standard deviations",
        leaves=Leaves.DIGITS,
        sources=("yancey2002",),
        functions=("il1s",),
        term="non-uniform entropy",
        peers="sdcMicro sums and prints a per cent sign",
    ),
    Measure(
        key="bounded_loss",
        title="bounded loss",
        group="Utility",
        formula="mean (2/pi) arctan abs(x - x')",
        unit=EXTENT,
        leaves=Leaves.DIGITS,
        sources=("mlodak2020",),
        term="non-uniform entropy",
        peers="equal to sdcMicro `IL_variables`",
    ),
    Measure(
        key="correlation_loss",
        title="correlation loss",
        group="Utility",
        formula="distance of the unit diagonals of the inverse correlations / sqrt 2",
        unit=EXTENT,
        leaves=Leaves.DIGITS,
        sources=("mlodak2020",),
        term="non-uniform entropy",
        peers="equal to sdcMicro `IL_correl`; singular tables are refused",
    ),
    Measure(
        key="eigenvalue_loss",
        title="eigenvalue loss",
        group="Utility",
        formula="sum abs(e - e')/e",
        unit="ratio, from 0",
        leaves=Leaves.DIGITS,
        sources=("templ2015",),
        term="non-uniform entropy",
        peers="singular tables are refused; sdcMicro prints figures such as -4.8e13",
    ),
    Measure(
        key="squared_error_share",
        title="SSE/SST",
        group="Utility",
        formula="squared error / variance, at most 1",
        unit=EXTENT,
        leaves=Leaves.DIGITS,
        sources=("domingo2001",),
        term="non-uniform entropy",
    ),
    Measure(
        key="propensity_score",
        title="pMSE",
        group="Utility",
        formula="mean (propensity - c)^2 against (k-1)(1-c)^2 c/N",
        unit="mean square, 0 to 1/4",
        leaves=Leaves.DIGITS,
        sources=("woo2009", "snoke2018"),
        term="non-uniform entropy",
    ),
)

MEASURES: Mapping[str, Measure] = {measure.key: measure for measure in _ENTRIES}
"""Every measure, by its key."""

FIGURES: Mapping[str, Measure] = {
    key: measure for key, measure in MEASURES.items() if measure.meaning
}
"""The measures that an assessment names, in the order of a report."""
