"""Reports over all measures, with pycanon's signatures."""

from __future__ import annotations

import json
import math
from typing import Any

from midi_risk.compat.pycanon import anonymity
from midi_risk.compat.pycanon.anonymity import Names, names_in

Values = tuple[
    int,
    tuple[float, int],
    int,
    float,
    tuple[float, int],
    float,
    float,
    float,
    float,
]


def get_report_values(data: Any, quasi_ident: Names, sens_att: Names, gen: bool = True) -> Values:
    """Compute every measure.

    Parameters
    ----------
    data : table
    quasi_ident, sens_att : list
    gen : bool
        True: worst over sensitive attributes, each alone. False: the others join the
        quasi-identifiers; pycanon forgets this for the recursive measure.

    Returns
    -------
    tuple
        k, (alpha, k), l, entropy l, (c, l), basic beta, enhanced beta, delta, t.
    """
    given = (data, quasi_ident, sens_att)
    return (
        anonymity.k_anonymity(data, quasi_ident),
        anonymity.alpha_k_anonymity(*given, gen),
        anonymity.l_diversity(*given, gen),
        anonymity.entropy_l_diversity(*given, gen),
        anonymity.recursive_c_l_diversity(*given, gen=gen),
        anonymity.basic_beta_likeness(*given, gen),
        anonymity.enhanced_beta_likeness(*given, gen),
        anonymity.delta_disclosure(*given, gen),
        anonymity.t_closeness(*given, gen),
    )


def get_json_report(data: Any, quasi_ident: Names, sens_att: Names, gen: bool = True) -> str:
    """Return every measure as JSON.

    Parameters
    ----------
    data, quasi_ident, sens_att, gen
        As in `get_report_values`.

    Returns
    -------
    str
        Valid JSON: "Infinity" is a text and not-a-number is null, where pycanon writes bare NaN.

    Examples
    --------
    >>> table = {"sex": list("MMFF"), "dx": list("abab")}
    >>> json.loads(get_json_report(table, ["sex"], ["dx"]))["l_diversity"]
    {'l': 2}
    """
    k, (alpha, alpha_k), distinct, entropy, (c, c_l), basic, enhanced, delta, t = get_report_values(
        data, quasi_ident, sens_att, gen
    )
    document = {
        "data": {
            "quasi-identifiers": [str(name) for name in names_in(quasi_ident)],
            "sensitive attributes": [str(name) for name in names_in(sens_att)],
        },
        "k_anonymity": {"k": k},
        "alpha_k_anonymity": {"alpha": alpha, "k": alpha_k},
        "l_diversity": {"l": distinct},
        "entropy_l_diversity": {"l": entropy},
        "recursive_c_l_diversity": {"c": _plain(c), "l": c_l},
        "basic_beta_likeness": {"beta": basic},
        "enhanced_beta_likeness": {"beta": _plain(enhanced)},
        "t_closeness": {"t": t},
        "delta_disclosure": {"delta": _plain(delta)},
    }
    return json.dumps(document, allow_nan=False)


def _plain(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return "Infinity" if math.isinf(value) else value


def print_report(data: Any, quasi_ident: Names, sens_att: Names, gen: bool = True) -> None:
    """Print every measure.

    Parameters
    ----------
    data, quasi_ident, sens_att, gen
        As in `get_report_values`.
    """
    k, (alpha, _), distinct, entropy, (c, c_l), basic, enhanced, delta, t = get_report_values(
        data, quasi_ident, sens_att, gen
    )
    print(  # noqa: T201  # the function is for this
        "The dataset verifies:\n"
        f"  - k-anonymity with k = {k}\n"
        f"  - (alpha,k)-anonymity with alpha = {alpha} and k = {k}\n"
        f"  - l-diversity with l = {distinct}\n"
        f"  - entropy l-diversity with l = {entropy}\n"
        f"  - (c,l)-diversity with c = {c} and l = {c_l}\n"
        f"  - basic beta-likeness with beta = {basic}\n"
        f"  - enhanced beta-likeness with beta = {enhanced}\n"
        f"  - t-closeness with t = {t}\n"
        f"  - delta-disclosure privacy with delta = {delta}"
    )
