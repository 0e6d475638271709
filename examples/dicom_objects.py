"""Small but conformant DICOM objects of the example collection.

Every image is 4 x 4 pixels. Nothing comes from a person: the values are those of
`people`, the pixels are digest bytes.
"""

from __future__ import annotations

import hashlib
import io

from people import Person
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    ComprehensiveSRStorage,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    SegmentationStorage,
)

SCANNERS = {
    ("A", "CT"): ("GE MEDICAL SYSTEMS", "LightSpeed VCT", "07MW18.4", "CT_A_01"),
    ("A", "PT"): ("GE MEDICAL SYSTEMS", "Discovery ST", "pet_coreload.44", "PET_A_01"),
    ("B", "CT"): ("SIEMENS", "Sensation 64", "syngo CT 2007C", "CTAWP66012"),
    ("B", "MR"): ("SIEMENS", "Avanto", "syngo MR B17", "MRAWP21875"),
    ("C", "CT"): ("Philips", "Brilliance 64", "3.5.4", "HOST-C3"),
    ("C", "CR"): ("FUJIFILM Corporation", "FCR XG5000", "A10", "CR_C_02"),
    ("rare", "CT"): ("Hitachi Medical Corporation", "ECLOS", "V3.10", "ECLOS-R1"),
}
"""(site, modality) -> manufacturer, model, software, station."""

SOP_CLASSES = {
    "CT": CTImageStorage,
    "MR": MRImageStorage,
    "PT": PositronEmissionTomographyImageStorage,
    "CR": ComputedRadiographyImageStorage,
    "SR": ComprehensiveSRStorage,
    "SEG": SegmentationStorage,
}

STUDY_WORDS = {
    "CT": ("CT THORAX W/ CONTRAST", "CT CHEST LOW DOSE", "CT THORAX/ABDOMEN"),
    "MR": ("MR BRAIN STAGING",),
    "PT": ("PET/CT WHOLE BODY FDG",),
    "CR": ("XR CHEST PA",),
}
SERIES_WORDS = {
    "CT": ("LUNG 1.25 B70f", "STD 5mm AXIAL", "CHEST VENOUS 3.0"),
    "MR": ("t1_mpr_sag_p2_iso",),
    "PT": ("WB FDG AC 3D",),
    "CR": ("Chest PA",),
    "SR": ("Findings",),
    "SEG": ("Tumour segmentation",),
}
ORIENTATION = ["1", "0", "0", "0", "1", "0"]


def uid(*parts: object) -> str:
    """Return a UID under the 2.25 root that depends on nothing but its parts."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:12], 'big')}"


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Return one item of a code sequence."""
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item


def common(person: Person, visit: int, modality: str, number: int) -> Dataset:
    """Return patient, study, series, equipment and de-identification attributes."""
    ds = Dataset()
    ds.SOPClassUID = SOP_CLASSES[modality]
    ds.SOPInstanceUID = uid(person.key, visit, modality, number, "object")
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = person.date(visit)
    ds.StudyTime = f"{8 + number_of(person.key, visit) % 9:02d}{number_of(person.key) % 60:02d}00"
    ds.SeriesTime = ds.ContentTime = ds.StudyTime
    ds.AccessionNumber = ""
    ds.Modality = modality
    equipment = SCANNERS.get((person.site, modality), SCANNERS["A", "CT"])
    ds.Manufacturer, ds.ManufacturerModelName, ds.SoftwareVersions, ds.StationName = equipment
    ds.ReferringPhysicianName = ""
    imaging = modality if modality in STUDY_WORDS else "CT"
    words = STUDY_WORDS[imaging]
    ds.StudyDescription = words[number_of(person.key, visit, "study") % len(words)]
    words = SERIES_WORDS[modality]
    ds.SeriesDescription = words[number_of(person.key, visit, "series") % len(words)]
    ds.PatientName = person.key
    ds.PatientID = person.key
    ds.PatientBirthDate = ""
    ds.PatientSex = person.sex
    ds.PatientAge = f"{person.age_years(visit):03d}Y"
    ds.PatientSize = f"{person.height_m:.2f}"
    drift = number_of(person.key, visit, "weight") % 7 - 4 if visit else 0
    ds.PatientWeight = f"{max(person.weight_kg + drift / 2, 30):.1f}"
    ds.PatientIdentityRemoved = "YES"
    ds.DeidentificationMethodCodeSequence = [
        code("113100", "DCM", "Basic Application Confidentiality Profile"),
        code("113105", "DCM", "Clean Descriptors Option"),
        code(
            "113107",
            "DCM",
            "Retain Longitudinal Temporal Information Modified Dates Option",
        ),
        code("113108", "DCM", "Retain Patient Characteristics Option"),
    ]
    ds.LongitudinalTemporalInformationModified = "MODIFIED"
    ds.StudyInstanceUID = uid(person.key, visit, "study")
    ds.SeriesInstanceUID = uid(person.key, visit, modality, "series")
    ds.StudyID = ""
    ds.SeriesNumber = str(list(SOP_CLASSES).index(modality) + 1)
    ds.InstanceNumber = str(number)
    return ds


def number_of(*parts: object) -> int:
    """Return a number that depends on nothing but its parts."""
    return hashlib.sha256("/".join(map(str, parts)).encode()).digest()[0]


def add_pixels(ds: Dataset) -> None:
    """Add a 4 x 4 monochrome image, 12 bits in 16 (all 16 for PT), made of digest bytes."""
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows = ds.Columns = 4
    ds.BitsAllocated = 16
    ds.BitsStored = 16 if ds.Modality == "PT" else 12
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = 0
    noise = hashlib.sha256(ds.SOPInstanceUID.encode()).digest()[:16]
    ds.PixelData = b"".join(bytes([byte, byte % 16]) for byte in noise)
    ds["PixelData"].VR = "OW"


def add_plane(ds: Dataset, modality: str) -> None:
    """Add frame of reference and image plane."""
    ds.FrameOfReferenceUID = uid(ds.StudyInstanceUID, "frame")
    ds.PositionReferenceIndicator = ""
    if modality != "PT":  # there the gantry relationship says it
        ds.PatientPosition = "HFS"
    ds.PixelSpacing = ["0.703", "0.703"] if modality == "CT" else ["1", "1"]
    ds.ImageOrientationPatient = ORIENTATION
    ds.ImagePositionPatient = ["-180", "-180", str(-100 - 5 * int(ds.InstanceNumber))]
    ds.SliceThickness = "5"


def image(person: Person, visit: int, modality: str, number: int = 1) -> Dataset:
    """Return one CT, MR, PT or CR image of one visit."""
    ds = common(person, visit, modality, number)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"] if modality == "CT" else ["ORIGINAL", "PRIMARY"]
    ds.BodyPartExamined = {"MR": "BRAIN", "PT": "WHOLEBODY"}.get(modality, "CHEST")
    ds.BurnedInAnnotation = "NO"
    ds.AcquisitionNumber = "1"
    if modality != "CR":
        add_plane(ds, modality)
    {"CT": add_ct, "MR": add_mr, "PT": add_pt, "CR": add_cr}[modality](ds)
    add_pixels(ds)
    return ds


def add_ct(ds: Dataset) -> None:
    """Add what a CT image requires."""
    ds.KVP = "120"
    ds.RescaleIntercept, ds.RescaleSlope = "-1024", "1"
    if ds.Manufacturer.startswith("GE"):
        block = ds.private_block(0x0043, "GEMS_PARM_01", create=True)
        block.add_new(0x27, "SH", "0.984:1")


def add_mr(ds: Dataset) -> None:
    """Add what an MR image requires."""
    ds.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions = "GR", "SP", ""
    ds.MRAcquisitionType = "3D"
    ds.RepetitionTime, ds.EchoTime, ds.EchoTrainLength = "1900", "2.9", "1"
    block = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", "0")


def add_pt(ds: Dataset) -> None:
    """Add what a PET image requires."""
    ds.AcquisitionDate, ds.AcquisitionTime = ds.StudyDate, ds.StudyTime
    ds.Units, ds.CountsSource, ds.SeriesType = "BQML", "EMISSION", ["WHOLE BODY", "IMAGE"]
    ds.NumberOfSlices, ds.ImageIndex = 1, 1
    ds.CorrectedImage = ["DECY", "ATTN", "SCAT"]
    ds.DecayCorrection, ds.DecayFactor, ds.CollimatorType = "START", "1.02", "NONE"
    ds.FrameReferenceTime, ds.ActualFrameDuration = "90000", "180000"
    ds.RescaleIntercept, ds.RescaleSlope = "0", "1.5"
    dose = Dataset()
    dose.RadiopharmaceuticalStartDateTime = f"{ds.StudyDate}070000"
    dose.RadionuclideTotalDose = str(300000000 + 1000000 * number_of(ds.SOPInstanceUID))
    dose.RadionuclideHalfLife = "6586.2"
    dose.RadionuclideCodeSequence = [code("C-111A1", "SRT", "^18^Fluorine")]
    ds.RadiopharmaceuticalInformationSequence = [dose]
    prone = code("F-10450", "SRT", "recumbent")
    prone.PatientOrientationModifierCodeSequence = [code("F-10340", "SRT", "supine")]
    ds.PatientOrientationCodeSequence = [prone]
    ds.PatientGantryRelationshipCodeSequence = [code("F-10470", "SRT", "headfirst")]


def add_cr(ds: Dataset) -> None:
    """Add what a computed radiograph requires."""
    ds.ViewPosition = "PA"
    ds.PatientOrientation = ["L", "F"]


def report(person: Person, visit: int, sentence: str, reader: str | None = None) -> Dataset:
    """Return a structured report with one finding, and its reader's name when given."""
    ds = common(person, visit, "SR", 1)
    ds.ReferencedPerformedProcedureStepSequence = []
    ds.PerformedProcedureCodeSequence = []
    ds.CompletionFlag, ds.VerificationFlag = "COMPLETE", "UNVERIFIED"
    ds.ValueType = "CONTAINER"
    ds.ContinuityOfContent = "SEPARATE"
    ds.ConceptNameCodeSequence = [code("18748-4", "LN", "Diagnostic imaging report")]
    items = [content("TEXT", "121071", "Finding", "CONTAINS", TextValue=sentence)]
    if reader:
        name = content("PNAME", "121008", "Person Observer Name", "HAS OBS CONTEXT")
        name.PersonName = reader
        items.insert(0, name)
    ds.ContentSequence = items
    return ds


def content(kind: str, value: str, meaning: str, relation: str, **extra: str) -> Dataset:
    """Return one content item of a structured report."""
    item = Dataset()
    item.RelationshipType = relation
    item.ValueType = kind
    item.ConceptNameCodeSequence = [code(value, "DCM", meaning)]
    for keyword, text in extra.items():
        setattr(item, keyword, text)
    return item


def segmentation(person: Person, visit: int) -> Dataset:
    """Return a derived object: one segment over the first CT image of the visit."""
    ds = common(person, visit, "SEG", 1)
    source = image(person, visit, "CT")
    add_plane(ds, "CT")
    del ds.PatientPosition, ds.PixelSpacing, ds.ImageOrientationPatient
    del ds.ImagePositionPatient, ds.SliceThickness
    ds.ImageType = ["DERIVED", "PRIMARY"]
    ds.ManufacturerModelName, ds.DeviceSerialNumber = "Example segmenter", "0"
    ds.ContentLabel, ds.ContentDescription, ds.ContentCreatorName = "TUMOUR", "", ""
    ds.SegmentationType, ds.LossyImageCompression = "BINARY", "00"
    referenced = Dataset()
    referenced.ReferencedSOPClassUID = source.SOPClassUID
    referenced.ReferencedSOPInstanceUID = source.SOPInstanceUID
    series = Dataset()
    series.SeriesInstanceUID = source.SeriesInstanceUID
    series.ReferencedInstanceSequence = [referenced]
    ds.ReferencedSeriesSequence = [series]
    segment = Dataset()
    segment.SegmentNumber, segment.SegmentLabel = 1, "Tumour"
    segment.SegmentAlgorithmType = "MANUAL"
    segment.SegmentedPropertyCategoryCodeSequence = [
        code("M-01000", "SRT", "Morphologically Altered Structure")
    ]
    segment.SegmentedPropertyTypeCodeSequence = [code("M-80003", "SRT", "Neoplasm")]
    ds.SegmentSequence = [segment]
    add_frames(ds, source)
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows = ds.Columns = 4
    ds.BitsAllocated = ds.BitsStored = 1
    ds.HighBit = ds.PixelRepresentation = 0
    ds.NumberOfFrames = "1"
    ds.PixelData = b"\x60\x06"
    ds["PixelData"].VR = "OB"
    return ds


def add_frames(ds: Dataset, source: Dataset) -> None:
    """Add dimensions and functional groups of a segmentation with one frame."""
    organisation = Dataset()
    organisation.DimensionOrganizationUID = uid(ds.SOPInstanceUID, "dimensions")
    ds.DimensionOrganizationSequence = [organisation]
    index = Dataset()
    index.DimensionOrganizationUID = organisation.DimensionOrganizationUID
    index.DimensionIndexPointer = 0x0062000B
    index.FunctionalGroupPointer = 0x0062000A
    ds.DimensionIndexSequence = [index]
    shared, frame = Dataset(), Dataset()
    measures, orientation, position, place, chosen = (Dataset() for _ in range(5))
    measures.PixelSpacing, measures.SliceThickness = source.PixelSpacing, source.SliceThickness
    orientation.ImageOrientationPatient = ORIENTATION
    position.ImagePositionPatient = source.ImagePositionPatient
    place.DimensionIndexValues = 1
    chosen.ReferencedSegmentNumber = 1
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [orientation]
    used = Dataset()
    used.ReferencedSOPClassUID = source.SOPClassUID
    used.ReferencedSOPInstanceUID = source.SOPInstanceUID
    used.PurposeOfReferenceCodeSequence = [
        code("121322", "DCM", "Source image for image processing operation")
    ]
    derivation = Dataset()
    derivation.SourceImageSequence = [used]
    derivation.DerivationCodeSequence = [code("113076", "DCM", "Segmentation")]
    frame.DerivationImageSequence = [derivation]
    frame.PlanePositionSequence = [position]
    frame.FrameContentSequence = [place]
    frame.SegmentIdentificationSequence = [chosen]
    ds.SharedFunctionalGroupsSequence = [shared]
    ds.PerFrameFunctionalGroupsSequence = [frame]


def encode(ds: Dataset, *, implicit: bool = False) -> bytes:
    """Return the bytes of a DICOM file, the same on every machine."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    meta.ImplementationClassUID = uid("implementation")
    meta.ImplementationVersionName = "EXAMPLE_1"
    ds.file_meta = meta
    buffer = io.BytesIO()
    dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()
