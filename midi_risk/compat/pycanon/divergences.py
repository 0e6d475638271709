"""Where pycanon 1.3.6 and midi-risk differ on purpose, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

KNOWN: Mapping[str, str] = MappingProxyType(
    {
        "index_labels_as_positions": (
            "pycanon reads the row labels of a DataFrame as row numbers, so that a sorted or"
            " filtered table gets other classes; here labels do not matter, and crosscheck"
            " numbers the rows anew before it calls pycanon"
        ),
        "recursive_c_ascending": (
            "pycanon divides the least frequent value by the tail, so that c can only be 1 or 2;"
            " the definition takes the most frequent"
        ),
        "recursive_l_of_the_other_reading": (
            "with gen=False pycanon takes l from the other reading, gen=True, so that a class may"
            " have fewer values than l; here both are of one reading"
        ),
        "single_quasi_identifier_drops_missing": (
            "with one quasi-identifier pycanon drops the records where it is missing; here a"
            " missing value is a value of its own however many quasi-identifiers there are"
        ),
        "missing_sensitive": (
            "pycanon fails on missing sensitive values, or counts them in a class without a share;"
            " here they are left out of the counts, and it is said how many"
        ),
        "enhanced_beta_no_certificate": (
            "pycanon returns a finite beta although no beta meets the definition; here it is"
            " infinite then"
        ),
        "absent_values_in_delta": (
            "the definition asks for infinity where a class lacks a value; both leave these values"
            " out, in natural logarithm, and midi_risk.risk.delta_disclosure(absent='infinite')"
            " gives the strict figure"
        ),
        "entropy_l_truncated": (
            "pycanon cuts the decimals of exp(H) off, and with them a whole unit where rounding"
            " falls just short; here exp(H) itself is given"
        ),
        "average_risk_over_classes": (
            "pycanon takes the mean risk over classes, in which a class of one weighs as much as a"
            " class of a thousand; here over records"
        ),
        "unused_category": (
            "pycanon counts a category that no record has as a class of size 0; here classes have"
            " records"
        ),
        "constant_number": (
            "pycanon divides by zero on a constant numeric sensitive attribute; its t is 0"
        ),
        "dates_and_booleans": (
            "pycanon computes t for numbers and text only; here dates are ordered, and truth"
            " values equal or not"
        ),
        "numbers_are_ordered": (
            "both compare numbers by rank; a code that happens to be a number must be made text"
        ),
        "gen_in_report": (
            "pycanon's report forgets gen=False for the recursive measure, prints into its JSON"
            " and writes bare NaN"
        ),
        "arguments": (
            "one name need not be in a list, and column names may be numbers and text together"
        ),
        "classification_ties": (
            "pycanon's classification metric leaves a tie unpenalised; here all but one of the"
            " most frequent values are"
        ),
    }
)
"""Name -> reason."""
