"""Numbers as readers need them: a share with its count, a risk with its "1 in n"."""

from __future__ import annotations

from typing import Any

from midi_risk.report.counts import SafeCount

THIN = "\u202f"
FIXED = "\u00a0"
NOT_STATED = "not stated"
NOT_ASSESSED = "not assessed"
SHARES = ("_at_risk", "_unique", "_uniques")


def count_text(count: int | SafeCount | None) -> str:
    """Return a count with thin spaces between thousands, or how it is hidden.

    Examples
    --------
    >>> count_text(12)
    '12'
    >>> count_text(SafeCount(state="below", k=11)).replace(FIXED, " ")
    '< 11'
    """
    if count is None:
        return NOT_ASSESSED
    if isinstance(count, int):
        return f"{count:,}".replace(",", THIN)
    if count.value is not None:
        return f"{count.value:,}".replace(",", THIN)
    return {
        "below": f"<{FIXED}{count.k}",
        "all_but": f"all but <{FIXED}{count.k}",
        "withheld": "withheld",
    }[count.state]


def percent(share: float) -> str:
    """Return a share as a percentage with one decimal, never rounded to a false 0 or 100.

    Examples
    --------
    >>> percent(0.0).replace(FIXED, ' '), percent(1e-5).replace(FIXED, ' ')
    ('0 %', '< 0.1 %')
    """
    if share <= 0:
        return f"0{FIXED}%"
    if share >= 1:
        return f"100{FIXED}%"
    if share < 0.0005:
        return f"< 0.1{FIXED}%"
    if share > 0.9995:
        return f"> 99.9{FIXED}%"
    return f"{100 * share:.1f}{FIXED}%"


def share_text(count: int | SafeCount, total: int | SafeCount) -> str:
    """Return a percentage with its count and total.

    Examples
    --------
    >>> share_text(12, 388).replace(FIXED, ' ')
    '3.1 %, 12 of 388'
    """
    whole = total if isinstance(total, int) else total.value
    part = count if isinstance(count, int) else count.value
    text = f"{count_text(count)} of {count_text(total)}"
    if whole is None:
        return count_text(count)
    if not whole:
        return text
    if part is not None:
        return f"{percent(min(1.0, part / whole))}, {text}"
    if isinstance(count, SafeCount) and count.state == "below":
        return f"under {percent(min(1.0, count.k / whole)).removeprefix('< ')}, {text}"
    return text


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with three significant digits.

    Examples
    --------
    >>> number(0.090909), number(1.0), number(None)
    ('0.0909', '1', 'not assessed')
    """
    if value is None:
        return NOT_ASSESSED
    if value != 0 and abs(value) < 10 ** -(digits + 1):
        return f"< 0.{'0' * digits}1" if value > 0 else f"> -0.{'0' * digits}1"
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", THIN)
    text = f"{value:.{digits}g}"
    return f"{float(text):.0f}" if "e" in text else text


def one_in(value: float) -> str:
    """Return a probability as "1 in n".

    Examples
    --------
    >>> [one_in(r).replace(FIXED, ' ') for r in (1 / 11, 0.4, 1.0, 0.0)]
    ['1 in 11', '1 in 2.5', '1 in 1', '0']
    """
    if value <= 0:
        return "0"
    inverse = 1 / value
    text = f"{inverse:.0f}" if inverse >= 10 else f"{inverse:.1f}".removesuffix(".0")
    return f"1{FIXED}in{FIXED}" + (f"{int(text):,}".replace(",", THIN) if text.isdigit() else text)


def risk_text(value: float | None) -> str:
    """Return a risk as a fraction and as "1 in n".

    Examples
    --------
    >>> risk_text(1 / 11).replace(FIXED, ' ')
    '0.0909 (1 in 11)'
    """
    if value is None:
        return NOT_ASSESSED
    return f"{number(value)} ({one_in(value)})" if value > 0 else "0"


def interval_text(estimate: Any) -> str:
    """Return the interval of an estimate, or what the number is when it has none."""
    if estimate.value is None:
        return ""
    if estimate.lower is None and estimate.upper is None:
        return {"exact": "exact", "bound": "bound, not an estimate"}.get(
            estimate.kind, "no interval"
        )
    lower, upper = number(estimate.lower), number(estimate.upper)
    if estimate.kind == "exact" and lower == upper:
        return "exact"
    word = "bound, not an estimate" if estimate.kind == "bound" else estimate.kind
    return f"{lower} to {upper}, {word}"


def is_share(measure: str) -> bool:
    """Tell whether a measure is a share of subjects and not a probability for one.

    Examples
    --------
    >>> is_share("prosecutor_at_risk"), is_share("prosecutor_max")
    (True, False)
    """
    return measure.endswith(SHARES)


def value_text(estimate: Any) -> str:
    """Return the value of a result in either edition, with its count where it is a share."""
    if not is_share(estimate.measure):
        return risk_text(estimate.value)
    hidden = getattr(estimate, "subjects", None)
    if hidden is not None:
        return share_text(hidden, estimate.n)
    if estimate.value is None:
        return NOT_ASSESSED
    if estimate.kind != "exact":
        return f"{percent(estimate.value)} of {count_text(estimate.n)}"
    return share_text(round(estimate.value * estimate.n), estimate.n)
