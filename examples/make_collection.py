"""Make the synthetic example collection: `examples/lung-ct`.

Run ``python examples/make_collection.py``. Two runs give the same bytes; a test says so.
About 200 invented people with two to four visits each, read at three sites, and the
clinical spreadsheet that belongs to them. What goes wrong in real collections goes wrong
here too, on purpose; `TRAPS` lists it.
"""

from __future__ import annotations

import argparse
import csv
import io
import shutil
from dataclasses import replace
from pathlib import Path

from dicom_objects import SCANNERS, encode, image, number_of, report, segmentation
from people import Person, draw_people
from pydicom.dataset import Dataset

HERE = Path(__file__).resolve().parent

TRAPS = {
    "age over 89": "one person is 93",
    "sex conflict": "one person is F at the first visit and M at the second",
    "rare scanner": "one person was imaged on a scanner that nobody else was",
    "unknown age": "one visit holds 000Y",
    "unknown weight": "two visits hold a weight of 0",
    "odd descriptions": "two descriptions hold a name, one in Latin-1",
    "private creator": "three objects hold private elements of a creator nobody lists",
    "burned in": "one radiograph says BurnedInAnnotation YES",
    "named reader": "one structured report names its reader",
    "image orphans": "three people in the images have no clinical row",
    "clinical orphans": "four clinical rows have no images",
    "fan-out": "one person has two clinical rows (second primary tumour)",
    "key case": "six clinical keys are in lower case",
    "leading zeros": "site C numbers its patients 00401, 00402...",
    "missing tokens": "n/a, empty and unknown all stand for missing",
    "empty file": "a file of no bytes",
    "text file": "a text file with the extension .dcm",
    "phantom": "a quality-control phantom, which is nobody",
    "derived only": "a segmentation whose images are not in the collection",
}

RARE, CONFLICT, NO_AGE, NAMED, UMLAUT = 17, 33, 48, 71, 94
NO_WEIGHT = (25, 110)
PRIVATE = (12, 80, 140)
WITHOUT_CLINICAL = (55, 121, 166)
LOWER_CASE = (8, 59, 87, 102, 118, 133)
SECOND_PRIMARY = 39

COLUMNS = (
    "patient_id",
    "sex",
    "age_at_diagnosis",
    "race",
    "postcode",
    "occupation",
    "smoking_status",
    "pack_years",
    "histology",
    "stage",
    "vital_status",
    "survival_days",
)


def objects_of(person: Person, position: int) -> dict[str, Dataset]:
    """Return the objects of one person by file stem, traps included."""
    made: dict[str, Dataset] = {}
    for visit in range(len(person.visits)):
        label = f"{person.key}_v{visit + 1}"
        made[f"{label}_CT1"] = image(person, visit, "CT")
        draw = number_of(person.key, visit, "more")
        if person.site == "A" and draw < 60:
            made[f"{label}_PT1"] = image(person, visit, "PT")
        if person.site == "B" and visit == 0 and draw < 90:
            made[f"{label}_MR1"] = image(person, visit, "MR")
        if person.site == "C" and draw < 70:
            made[f"{label}_CR1"] = image(person, visit, "CR")
        if 100 <= draw < 113:
            made[f"{label}_SR1"] = report(person, visit, "Nodule in the right upper lobe, 14 mm.")
        if 150 <= draw < 162:
            made[f"{label}_SEG1"] = segmentation(person, visit)
        if draw >= 240:
            made[f"{label}_CT2"] = image(person, visit, "CT", 2)
    set_traps(made, person, position)
    return made


def set_traps(made: dict[str, Dataset], person: Person, position: int) -> None:
    """Change what this person's objects hold wrongly on purpose."""
    first, second = (made[f"{person.key}_v{visit}_CT1"] for visit in (1, 2))
    if position == RARE:
        names = ("Manufacturer", "ManufacturerModelName", "SoftwareVersions", "StationName")
        for ds in made.values():
            for keyword, value in zip(names, SCANNERS["rare", "CT"], strict=True):
                setattr(ds, keyword, value)
    elif position == CONFLICT:
        first.PatientSex, second.PatientSex = "F", "M"
    elif position == NO_AGE:
        second.PatientAge = "000Y"
    elif position == NAMED:
        second.SeriesDescription = "REPEAT PER DR EXAMPLE"
    elif position == UMLAUT:
        second.SpecificCharacterSet = "ISO_IR 100"
        second.StudyDescription = "Verlaufskontrolle Dr. Müster"
    elif position in NO_WEIGHT:
        second.PatientWeight = "0"
    elif position in PRIVATE:
        block = first.private_block(0x0009, "EXAMPLE TRIAL 1", create=True)
        block.add_new(0x01, "LO", f"ARM-{position}")
        block.add_new(0x02, "SH", f"KIT{number_of(person.key):05d}")


def extra_objects(people: list[Person]) -> dict[str, Dataset]:
    """Return objects that stand apart: phantom, derived only, named reader, burned in."""
    phantom = replace(people[0], key="QC-PHANTOM", visits=(0,))
    check = image(phantom, 0, "CT")
    check.PatientName, check.QualityControlSubject = "DAILY QC PHANTOM", "YES"
    check.StudyDescription, check.BodyPartExamined = "DAILY QC", "PHANTOM"
    del check.PatientAge, check.PatientSize, check.PatientWeight
    check.PatientSex = ""
    derived = segmentation(replace(people[1], key="LCT-0901", visits=(0,)), 0)
    reader = next(p for p in people if p.site == "A")
    named = report(reader, 0, "Enlarged node, station 7.", reader="Reader^Example")
    burned_person = next(p for p in people if p.site == "C")
    burned = image(burned_person, 0, "CR", 9)
    burned.BurnedInAnnotation = "YES"
    return {
        "QC-PHANTOM_v1_CT1": check,
        "LCT-0901_v1_SEG1": derived,
        f"{reader.key}_v1_SR1": named,
        f"{burned_person.key}_v1_CR9": burned,
    }


def image_files(people: list[Person]) -> dict[str, bytes]:
    """Return every file under ``images/`` by relative path, in batches of twenty people."""
    files: dict[str, bytes] = {}
    for position, person in enumerate(people):
        batch = f"batch-{position // 20 + 1:02d}"
        for stem, ds in objects_of(person, position).items():
            files[f"{batch}/{stem}.dcm"] = encode(ds, implicit=person.site == "C")
    for stem, ds in extra_objects(people).items():
        files[f"batch-11/{stem}.dcm"] = encode(ds)
    files["batch-11/LCT-0043_v9_CT1.dcm"] = b""
    files["batch-11/transfer-notes.dcm"] = b"Batch 11 came late; the second disk was empty.\n"
    return files


def clinical_row(person: Person) -> dict[str, str]:
    """Return one person's row of the clinical spreadsheet."""
    smoked = person.smoking in {"former", "current"}
    return {
        "patient_id": person.key,
        "sex": {"F": "female", "M": "male"}[person.sex],
        "age_at_diagnosis": str(person.age_years(0)),
        "race": person.race,
        "postcode": person.postcode,
        "occupation": person.occupation,
        "smoking_status": person.smoking,
        "pack_years": str(5 + number_of(person.key, "packs") % 60) if smoked else "",
        "histology": person.histology,
        "stage": person.stage,
        "vital_status": "dead" if person.died else "alive",
        "survival_days": str(person.survival_days),
    }


def clinical_rows(people: list[Person]) -> list[dict[str, str]]:
    """Return the clinical spreadsheet, traps included."""
    rows = []
    for position, person in enumerate(people):
        if position in WITHOUT_CLINICAL:
            continue
        row = clinical_row(person)
        if position in LOWER_CASE:
            row["patient_id"] = person.key.lower()
        if position == NO_AGE:
            row["age_at_diagnosis"] = "unknown"
        rows.append(row)
        if position == SECOND_PRIMARY:
            rows.append({**row, "histology": "carcinoid", "stage": "I"})
    for number in range(4):
        orphan = replace(people[10 * number + 3], key=f"LCT-{950 + number:04d}")
        rows.append(clinical_row(orphan))
    return rows


def clinical_csv(people: list[Person]) -> bytes:
    """Return ``clinical.csv`` as bytes."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(clinical_rows(people))
    return text.getvalue().encode()


def make(folder: Path) -> int:
    """Write the collection into a folder and return the number of files written."""
    people = draw_people()
    images = folder / "images"
    if images.is_dir():
        shutil.rmtree(images)
    files = image_files(people)
    for name, data in files.items():
        target = images / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    (folder / "clinical.csv").write_bytes(clinical_csv(people))
    return len(files) + 1


def main() -> None:
    """Make the collection where the command line says, beside this script by default."""
    parser = argparse.ArgumentParser(description="Make the synthetic example collection.")
    parser.add_argument("-o", "--output", type=Path, default=HERE / "lung-ct")
    folder = parser.parse_args().output
    print(f"{make(folder)} files in {folder}")


if __name__ == "__main__":
    main()
