"""Literature that a report cites, and the assumptions that it rests on."""

from __future__ import annotations

from typing import Any

from midi_risk.report.words import is_sample

REFERENCES = {
    "midi": "Clunie DA, Flanders A, Taylor A, et al. Report of the Medical Image De-Identification "
    "(MIDI) Task Group: Best Practices and Recommendations. arXiv:2303.10473.",
    "ps315": "DICOM PS3.15, Annex E: Attribute Confidentiality Profiles.",
    "iso27559": "ISO/IEC 27559:2022. Privacy enhancing data de-identification framework.",
    "elemam2013": "El Emam K. Guide to the De-Identification of Personal Health Information. "
    "CRC Press, 2013.",
    "dankar2010": "Dankar FK, El Emam K. A method for evaluating marketer re-identification risk. "
    "EDBT/ICDT Workshops 2010. doi:10.1145/1754239.1754271.",
    "sweeney2002": "Sweeney L. k-anonymity: a model for protecting privacy. Int J Uncertain "
    "Fuzziness Knowl-Based Syst 2002;10:557-570. doi:10.1142/S0218488502001648.",
    "machanavajjhala2007": "Machanavajjhala A, et al. l-diversity: privacy beyond k-anonymity. "
    "ACM TKDD 2007;1:3. doi:10.1145/1217299.1217302.",
    "li2007": "Li N, Li T, Venkatasubramanian S. t-closeness: privacy beyond k-anonymity and "
    "l-diversity. ICDE 2007. doi:10.1109/ICDE.2007.367856.",
    "hoshino2001": "Hoshino N. Applying Pitman's sampling formula to microdata disclosure risk "
    "assessment. J Off Stat 2001;17:499-520.",
    "hundepool2012": "Hundepool A, et al. Statistical Disclosure Control. Wiley, 2012.",
    "ema0070": "EMA/90915/2016. External guidance on the implementation of Policy 0070.",
    "ipc2016": "Information and Privacy Commissioner of Ontario. De-identification Guidelines for "
    "Structured Data, 2016.",
    "elemam2011": "El Emam K, Jonker E, Arbuckle L, Malin B. A systematic review of "
    "re-identification attacks on health data. PLoS ONE 2011;6:e28071. "
    "doi:10.1371/journal.pone.0028071.",
    "clopper1934": "Clopper CJ, Pearson ES. The use of confidence or fiducial limits. Biometrika "
    "1934;26:404-413. doi:10.1093/biomet/26.4.404.",
}


def references(view: Any) -> tuple[str, ...]:
    """Return the references that this report cites, in a fixed order."""
    used = {"midi", "ps315", "iso27559", "elemam2013", "sweeney2002", "elemam2011"}
    measures = {r.measure for t in view.threats for r in t.results}
    if any(m.startswith(("journalist", "marketer")) for m in measures):
        used.add("dankar2010")
    if view.measures.population_uniques or "population_unique" in measures:
        used.add("hoshino2001")
    if _sensitive(view):
        used |= {"machanavajjhala2007", "li2007"}
    if view.edition == "shareable":
        used.add("hundepool2012")
    if "EMA" in view.threshold.source:
        used.add("ema0070")
    if any("IPC" in t.attempt_source for t in view.threats):
        used.add("ipc2016")
    if view.context.quality is not None:
        used.add("clopper1934")
    return tuple(text for key, text in REFERENCES.items() if key in used)


def _sensitive(view: Any) -> bool:
    """Tell whether diversity or closeness was measured."""
    if view.edition == "shareable":
        return bool(view.measures.sensitive)
    return bool(view.measures.diversity or view.measures.closeness)


def assumptions(view: Any) -> tuple[str, ...]:
    """Return what has to hold for the figures to hold; A1 is the first.

    Parameters
    ----------
    view : InternalView or ShareableView

    Returns
    -------
    tuple of str
        One sentence or two each.
    """
    names = ", ".join(view.measures.quasi_identifiers) or "none"
    out = [
        (
            "One subject key stands for one person. A person under two keys is counted twice, "
            "which understates class sizes; two persons under one key would overstate them."
        ),
        f"An attacker can know the quasi-identifiers listed ({names}) and no other attribute.",
        (
            "What the attacker knows is exact. Errors in either data set would lower the risk "
            "and are not credited."
        ),
    ]
    populations = {t.population for t in view.threats}
    if any(is_sample(p) for p in populations):
        out.append(
            "Where the population is the release itself, the collection is taken as everyone who "
            "could be mistaken for a subject. This is the cautious end."
        )
    if any(p and not is_sample(p) for p in populations):
        out.append(
            "Where another population is named, its size, window and source hold "
            "for the group from which the subjects were recruited."
        )
    if any(t.attempt < 1 for t in view.threats):
        out.append(
            "The probability of an attempt below 1 holds only while the controls that it was "
            "derived from are in force."
        )
    out.append(
        "A missing value is a value of its own that an attacker can match on."
        if view.missing_policy == "category"
        else "A missing value matches every value."
    )
    out.append(
        "No other public data on the same subjects exists beyond what the search log lists."
        if view.context.linked_search
        else "No search for other public data on the same subjects was recorded; linked data would "
        "raise the risk by an amount that is not known."
    )
    return (*out, *view.context.assumptions)
