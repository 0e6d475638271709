"""Compressed files that nothing opened, and that may hold DICOM files."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from midi_risk.sources.archive import NESTED
from midi_risk.sources.arrow_arrays import text_array
from midi_risk.sources.sniff import Sniffed

_REASONS = (
    *(
        kind.value
        for kind in (
            Sniffed.GZIP, Sniffed.ZIP, Sniffed.TAR, Sniffed.SEVEN_ZIP, Sniffed.BZIP2, Sniffed.XZ,
            Sniffed.ZSTD,
        )
    ),
    NESTED,
)  # fmt: skip
_OTHER_CONTENT = r"(?i)\.(nii|mgh|tsv|csv|json|txt|xml|bvec|bval)\.(gz|bz2|xz|zst)$"


def unopened_findings(files: pa.Table) -> tuple[str, ...]:
    """Return a sentence on compressed files that were not opened.

    Parameters
    ----------
    files : pyarrow.Table
        One row per file met, in the columns of `FILE_SCHEMA`.

    Returns
    -------
    tuple of str
        Empty when there are none, or when their names say that they hold something else.

    Examples
    --------
    >>> import pyarrow as pa
    >>> unopened_findings(pa.table({"path": ["a.dcm.gz"], "reason": ["gzip data"]}))
    ('1 compressed file or archive was not opened and may hold DICOM files',)
    """
    met = files.filter(pc.is_in(files["reason"].cast(pa.string()), text_array(_REASONS)))
    if not met.num_rows:
        return ()
    other = pc.match_substring_regex(met["path"].cast(pa.string()), _OTHER_CONTENT)
    count = met.filter(pc.invert(other)).num_rows
    if not count:
        return ()
    if count == 1:
        return ("1 compressed file or archive was not opened and may hold DICOM files",)
    return (f"{count} compressed files or archives were not opened and may hold DICOM files",)
