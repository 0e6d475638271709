"""Values that leave beside the folded one: several ages, weights or dates of one subject."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.attributes.hierarchy import Hierarchy
from midi_risk.attributes.model import Attribute, AttributeSet, Decision, Kind
from midi_risk.table.model import NormalisedColumn, RepeatedValues
from midi_risk.table.rules import Pairs

Codes = npt.NDArray[np.int64]

FOLDED_TO_ONE = frozenset({Kind.AGE, Kind.DATE, Kind.TIME, Kind.NUMBER, Kind.SEX})
"""Kinds whose fold drops values; the others fold to the whole set."""

WRITTEN_ONCE = frozenset({Kind.AGE, Kind.NUMBER})
"""Kinds of which every record of a subject shows one value, once they are generalised."""


def repeated_values(
    attribute: Attribute, column: NormalisedColumn, pairs: Pairs, labels: npt.NDArray[np.object_]
) -> RepeatedValues | None:
    """Return the values of the subjects that have several; None when nobody has.

    Parameters
    ----------
    attribute : Attribute
        Kinds that fold to the whole set have none.
    column : NormalisedColumn
    pairs : Pairs
        Distinct pairs of subject and value.
    labels : numpy.ndarray of object, shape (n_subjects,)
        Keys of the subjects.
    """
    sizes = pairs.per_subject
    several = sizes > 1
    if attribute.kind not in FOLDED_TO_ONE or not several.any():
        return None
    kept = np.repeat(several, sizes)
    used, codes = np.unique(pairs.value[kept], return_inverse=True)
    return RepeatedValues(
        keys=np.asarray(labels, dtype=object)[pairs.subjects[several]],
        lengths=sizes[several].astype(np.int64),
        codes=codes.reshape(-1).astype(np.int64),
        texts=column.text[used],
    )


def written_once(attributes: AttributeSet, attribute: Attribute) -> bool:
    """Tell whether a release shows one value of each subject, whatever the sources hold.

    Ages and numbers that are generalised do, and a number whose range is not released.
    """
    if attribute.kind not in WRITTEN_ONCE:
        return False
    if attribute.decision is Decision.GENERALISE:
        return True
    if f"{attribute.name}.range" not in attributes:
        return False
    spread = attributes[f"{attribute.name}.range"]
    return spread.decision is Decision.REMOVE or (
        spread.decision is Decision.GENERALISE and bool(spread.generalise_to)
    )


def generalised_values(
    repeated: Mapping[str, RepeatedValues],
    attribute: Attribute,
    hierarchy: Hierarchy,
    level: int,
) -> dict[str, RepeatedValues]:
    """Return the repeated values once an attribute is generalised to a level.

    Parameters
    ----------
    repeated : mapping of str to RepeatedValues
    attribute : Attribute
        Of a kind that is written once, it has one value then. Of another, every value has
        its label, and a subject whose values share one label has one value.
    hierarchy : Hierarchy
    level : int
    """
    left = {name: values for name, values in repeated.items() if name != attribute.name}
    if attribute.name not in repeated or attribute.kind in WRITTEN_ONCE:
        return left
    own = repeated[attribute.name]
    labels = np.array(hierarchy.apply(level, [str(text) for text in own.texts]), dtype=object)
    to, texts = pd.factorize(labels, use_na_sentinel=True)
    owner = np.repeat(np.arange(len(own.keys)), own.lengths)
    value = to[own.codes].astype(np.int64)
    known = value >= 0
    width = max(len(texts), 1)
    owner, value = np.divmod(np.unique(owner[known] * width + value[known]), width)
    lengths = np.bincount(owner, minlength=len(own.keys)).astype(np.int64)
    several = lengths > 1
    if several.any():
        left[attribute.name] = RepeatedValues(
            keys=own.keys[several],
            lengths=lengths[several],
            codes=value[several[owner]],
            texts=np.asarray(texts, dtype=object),
        )
    return left
