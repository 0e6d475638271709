"""Cut the real example, `examples/idc/idc_slice.parquet`, out of the IDC index.

Run ``python examples/make_idc_slice.py INDEX.parquet`` with the series index of the NCI
Imaging Data Commons (Python package ``idc-index-data``, `idc_index.parquet`). Columns and
values stay as they are in the source; only collections under CC BY are taken.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent

COLLECTIONS = (
    "acrin_flt_breast",
    "c4kc_kits",
    "ct_vs_pet_ventilation_imaging",
    "lidc_idri",
    "qin_lung_ct",
    "soft_tissue_sarcoma",
)
"""Small human collections whose every series is under CC BY 3.0 or 4.0."""


def cut(index: Path) -> pa.Table:
    """Return the series of the chosen collections, in a fixed order.

    Parameters
    ----------
    index : pathlib.Path
        Series-level index as Parquet.

    Returns
    -------
    pyarrow.Table
        All columns of the source.

    Raises
    ------
    ValueError
        When a series of a chosen collection is not under CC BY.
    """
    wanted = pc.field("collection_id").isin(COLLECTIONS)
    table = pq.read_table(index, filters=wanted)
    licences = {str(name) for name in table.column("license_short_name").unique().to_pylist()}
    if not licences <= {"CC BY 3.0", "CC BY 4.0"}:
        raise ValueError("a chosen collection is not under CC BY alone")
    keys = ("collection_id", "PatientID", "StudyInstanceUID", "SeriesInstanceUID")
    return table.sort_by([(key, "ascending") for key in keys]).replace_schema_metadata(None)


def main() -> None:
    """Write the slice beside this script, or where the command line says."""
    parser = argparse.ArgumentParser(description="Cut the IDC example out of the index.")
    parser.add_argument("index", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=HERE / "idc" / "idc_slice.parquet")
    given = parser.parse_args()
    table = cut(given.index)
    pq.write_table(table, given.output, compression="zstd", compression_level=19)
    print(f"{table.num_rows} series in {given.output}")


if __name__ == "__main__":
    main()
