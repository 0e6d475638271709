"""Pseudonyms in objects: one map everywhere, and no old UID or key in the bytes written."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import numpy as np
import pydicom
import pytest
import test_spliced_copies as spliced
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.config import disable_value_validation
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from midi_risk.export.dicom.acts import Acts, strip
from midi_risk.export.dicom.recode import Outcome, UnrecodableError, Visit
from midi_risk.export.dicom.rekey import rekey
from midi_risk.export.pseudonyms import Pseudonyms, pseudonyms
from midi_risk.sources.dicom.contents import creator_place, names_creator, spelt
from midi_risk.table.subjects import Subjects

KEY = bytes(range(32))
OWN = "HOSP-4711"
CT = "1.2.840.10008.5.1.4.1.1.2"
ROOT = "1.2.826.0.1.3680043.10.999"


def known(key: bytes = KEY, *, uids: bool = True, subjects: bool = True) -> Pseudonyms:
    if not subjects:
        return pseudonyms(key, uids=uids, subjects=None, spelt={})
    labels = np.array([OWN, "HOSP-12"], dtype=object)
    found = Subjects(
        labels=labels, keys=labels, of_row=np.arange(2), derived=np.zeros(2, bool), excluded={},
        apart=np.array([], dtype=object),
    )  # fmt: skip
    return pseudonyms(key, uids=uids, subjects=found, spelt={OWN: OWN})


def an_object(**more: object) -> Dataset:
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = CT, f"{ROOT}.3"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{ROOT}.1", f"{ROOT}.2"
    ds.PatientID = OWN
    for name, value in more.items():
        setattr(ds, name, value)
    return ds


def a_visit(sop_class: str = CT) -> Visit:
    return Visit(rules=None, release=None, subject=None, sop_class=sop_class, outcome=Outcome())


def item(**more: object) -> Dataset:
    ds = Dataset()
    for name, value in more.items():
        setattr(ds, name, value)
    return ds


def written(ds: Dataset, *, implicit: bool = False) -> bytes:
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True, implicit_vr=implicit, little_endian=True)
    return buffer.getvalue()


def rekeyed(ds: Dataset, names: Pseudonyms | None = None, *, implicit: bool = False) -> Dataset:
    """Return what is read of an object that was read, changed and written."""
    found = pydicom.dcmread(io.BytesIO(written(ds, implicit=implicit)))
    rekey(found, names or known(), OWN, OWN, a_visit())
    return pydicom.dcmread(io.BytesIO(written(found, implicit=implicit)))


def test_every_reference_follows_and_kinds_of_things_stay() -> None:
    names = known()
    source = item(
        ReferencedSOPClassUID=CT, ReferencedSOPInstanceUID=f"{ROOT}.7",
        PurposeOfReferenceCodeSequence=Sequence(
            [item(CodingSchemeUID="2.16.840.1.113883.6.96", CodeValue="1")]
        ),
    )  # fmt: skip
    ds = an_object(
        FrameOfReferenceUID=f"{ROOT}.9",
        ConcatenationUID=f"{ROOT}.8",
        SOPInstanceUIDOfConcatenationSource=f"{ROOT}.3",
        ReferencedSeriesSequence=Sequence(
            [
                item(
                    SeriesInstanceUID=f"{ROOT}.2",
                    ReferencedInstanceSequence=Sequence([source]),
                )
            ]
        ),
        ReferencedFrameOfReferenceSequence=Sequence(
            [
                item(
                    FrameOfReferenceUID=f"{ROOT}.9",
                    RelatedFrameOfReferenceUID="1.2.840.10008.1.4.1.1",
                )
            ]
        ),
    )
    found = rekeyed(ds)
    assert found.SOPClassUID == CT
    assert found.SOPInstanceUID == names.uid(f"{ROOT}.3")
    assert found.file_meta.MediaStorageSOPInstanceUID == found.SOPInstanceUID
    assert found.SOPInstanceUIDOfConcatenationSource == found.SOPInstanceUID
    series = found.ReferencedSeriesSequence[0]
    assert series.SeriesInstanceUID == found.SeriesInstanceUID
    instance = series.ReferencedInstanceSequence[0]
    assert instance.ReferencedSOPInstanceUID == names.uid(f"{ROOT}.7")
    assert instance.ReferencedSOPClassUID == CT
    code = instance.PurposeOfReferenceCodeSequence[0]
    assert code.CodingSchemeUID == "2.16.840.1.113883.6.96"
    frame = found.ReferencedFrameOfReferenceSequence[0]
    assert frame.FrameOfReferenceUID == found.FrameOfReferenceUID
    assert frame.RelatedFrameOfReferenceUID == "1.2.840.10008.1.4.1.1"
    assert known(bytes(32)).uid(f"{ROOT}.3") != names.uid(f"{ROOT}.3")


def test_a_key_is_replaced_wherever_it_stands_and_numbers_stay() -> None:
    names = known()
    ds = an_object(
        PatientName=f"{OWN}^^",
        ImageComments=f"Chest of hosp-4711, follows {ROOT}.7",
        SeriesDescription="HOSP-47112 is another key",
        StationName=OWN,
        SoftwareVersions=["4.1.2", "VB17A"],
        OtherPatientIDsSequence=Sequence([item(PatientID="OLD-1"), item(PatientID=OWN)]),
    )
    ds.private_block(0x0029, "ACME", create=True).add_new(1, "LO", f"of {OWN}")
    found = rekeyed(ds)
    new = names.of_label[OWN]
    assert (found.PatientID, str(found.PatientName)) == (new, f"{new}^^")
    assert found.ImageComments == f"Chest of {new}, follows {names.uid(f'{ROOT}.7')}"
    assert found.SeriesDescription == "HOSP-47112 is another key"
    assert found.StationName == new
    assert list(found.SoftwareVersions) == ["4.1.2", "VB17A"]
    others = [each.PatientID for each in found.OtherPatientIDsSequence]
    assert others[1] == new
    assert others[0] not in {"OLD-1", new}
    assert found[0x00291001].value == f"of {new}"


def test_a_text_that_grows_beyond_its_length_goes() -> None:
    found = rekeyed(an_object(StudyID=f"a{OWN} b", AccessionNumber=f"{OWN} 123456"))
    assert found.AccessionNumber == "" or "AccessionNumber" not in found
    assert OWN.encode() not in written(found)


def test_bytes_that_hold_an_old_uid_go_and_a_document_is_refused() -> None:
    ds = an_object()
    block = ds.private_block(0x0029, "ACME", create=True)
    block.add_new(1, "OB", b"\x00\x01" + f"{ROOT}.7".encode() + b"\x00")
    block.add_new(2, "OB", b"\x00\x01\x02\x03")
    block.add_new(3, "UN", f"see {ROOT}.7".encode())
    found = rekeyed(ds)
    assert 0x00291001 not in found
    assert found[0x00291002].value == b"\x00\x01\x02\x03"
    assert found[0x00291003].value.strip() == f"see {known().uid(f'{ROOT}.7')}".encode()
    ds.EncapsulatedDocument = b"%PDF of " + OWN.encode() + b" "
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.104.1"
    with pytest.raises(UnrecodableError, match="EncapsulatedDocument"):
        rekey(ds, known(), OWN, OWN, a_visit(str(ds.SOPClassUID)))


@pytest.mark.parametrize("defined", [True, False])
def test_a_sequence_that_calls_itself_unknown_is_searched(defined: bool) -> None:
    inner = item(ReferencedSOPInstanceUID=f"{ROOT}.7", PatientID=OWN)
    only = Dataset()
    only.SourceImageSequence = Sequence([inner])
    only["SourceImageSequence"].is_undefined_length = not defined
    raw = DicomBytesIO()
    raw.is_little_endian, raw.is_implicit_VR = True, True
    write_dataset(raw, only)
    content = raw.getvalue()[8:]
    ds = an_object()
    ds[0x00082112] = RawDataElement(Tag(0x00082112), "UN", len(content), content, 0, False, True)
    rekey(ds, known(), OWN, OWN, a_visit())
    found = ds.SourceImageSequence[0]
    assert found.ReferencedSOPInstanceUID == known().uid(f"{ROOT}.7")
    assert found.PatientID == known().of_label[OWN]


@dataclass
class Planted:
    """Objects with UIDs and keys at random places, and where they were put."""

    ds: Dataset
    uids: set[str] = field(default_factory=set)


UIDS = st.integers(10**6, 10**20).map(lambda number: f"{ROOT}.{number}")
UID_ELEMENTS = st.sampled_from(
    ["FrameOfReferenceUID", "ReferencedSOPInstanceUID", "TrackingUID", "UID", "ConcatenationUID",
     "DeviceUID", "IrradiationEventUID", "SpecimenUID", "FiducialUID"]
)  # fmt: skip
LISTS = st.sampled_from(
    ["ContentSequence", "ReferencedImageSequence", "RequestAttributesSequence",
     "SharedFunctionalGroupsSequence", "DerivationImageSequence", "OriginalAttributesSequence"]
)  # fmt: skip
TEXTS = st.sampled_from(
    ["StudyDescription", "ImageComments", "InstitutionAddress", "StrainDescription", "TextValue"]
)


@st.composite
def parts(draw: st.DrawFn, depth: int = 3) -> Planted:
    """Return a part of an object with nested lists, private blocks and planted values."""
    made = Planted(Dataset())
    for keyword in draw(st.sets(UID_ELEMENTS, max_size=4)):
        uid = draw(UIDS)
        made.uids.add(uid)
        setattr(made.ds, keyword, uid)
    for keyword in draw(st.sets(TEXTS, max_size=3)):
        uid = draw(UIDS)
        text = draw(st.sampled_from([OWN, f"{OWN} 1", f"of {uid}.", "plain", OWN.lower()]))
        made.uids |= {uid} if uid in text else set()
        setattr(made.ds, keyword, text)
    if draw(st.booleans()):
        uid, vr = draw(UIDS), draw(st.sampled_from(["UI", "LO", "OB", "UN", "UT"]))
        made.uids.add(uid)
        block = made.ds.private_block(draw(st.sampled_from([0x0029, 0x0051])), "ACME", create=True)
        block.add_new(draw(st.integers(1, 9)), vr, uid.encode() if vr in {"OB", "UN"} else uid)
    if depth:
        for keyword in draw(st.sets(LISTS, max_size=2)):
            below = draw(st.lists(parts(depth=depth - 1), min_size=1, max_size=2))
            setattr(made.ds, keyword, Sequence([part.ds for part in below]))
            made.uids |= {uid for part in below for uid in part.uids}
    return made


def uids_in(ds: Dataset) -> list[str]:
    """Return every value of every UID element, by walking."""
    found = []
    for element in ds:
        if element.VR == "SQ":
            for each in element.value:
                found += uids_in(each)
        elif element.VR == "UI":
            value = element.value
            found += [str(v) for v in (value if isinstance(value, list) else [value])]
    return found


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(made=parts(), implicit=st.booleans())
def test_no_old_uid_or_key_is_left_and_one_map_holds_everywhere(
    made: Planted, implicit: bool
) -> None:
    ds = made.ds
    for name, value in (("SOPClassUID", CT), ("SOPInstanceUID", f"{ROOT}.333333")):
        setattr(ds, name, value)
    ds.PatientID = OWN
    planted = {*made.uids, f"{ROOT}.333333"}
    before = [uid for uid in uids_in(ds) if uid != CT]
    found = rekeyed(ds, implicit=implicit)
    content = written(found, implicit=implicit)
    assert not [uid for uid in planted if uid.encode() in content]
    assert OWN.encode().lower() not in content.lower()
    after = [uid for uid in uids_in(found) if uid != CT]
    names = known()
    allowed = {names.uid(uid) for uid in planted}
    assert set(after) <= allowed
    if not implicit:
        assert sorted(after) == sorted(names.uid(uid) for uid in before)


def test_signatures_go_at_every_depth() -> None:
    signed = item(MACIDNumber=1)
    ds = an_object(ReferencedImageSequence=Sequence([item(ReferencedSOPInstanceUID=f"{ROOT}.7")]))
    for part in (ds, ds.ReferencedImageSequence[0]):
        part.add_new(0xFFFAFFFA, "SQ", Sequence([signed]))
    outcome = Outcome()
    strip(ds, {}, outcome)
    assert 0xFFFAFFFA not in ds
    assert 0xFFFAFFFA not in ds.ReferencedImageSequence[0]
    assert outcome.removed["DigitalSignaturesSequence"] == 2


def test_an_object_without_its_document_is_none() -> None:
    ds = an_object(EncapsulatedDocument=b"%PDF", DocumentTitle="of Jane")
    with pytest.raises(UnrecodableError, match="nothing is left without it"):
        strip(ds, {("00420011",): "D"}, Outcome())


@pytest.mark.parametrize(
    ("action", "left"), [("X", None), ("Z", ""), ("D", "REMOVED"), ("X/Z", None), ("Z/D", "")]
)
def test_an_element_goes_as_its_action_says(action: str, left: str | None) -> None:
    ds = an_object(ImageComments="words")
    strip(ds, {("00204000",): action}, Outcome())
    assert ds.get("ImageComments") == left


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(ds=spliced.objects(), planted=parts(depth=1), subjects=st.booleans())
def test_bytes_that_are_spliced_are_those_that_another_path_writes(
    tmp_path_factory: pytest.TempPathFactory, ds: Dataset, planted: Planted, subjects: bool
) -> None:
    for element in planted.ds:
        ds[element.tag] = element
    ds.PatientID = OWN
    folder = tmp_path_factory.mktemp("both")
    with disable_value_validation():
        spliced.save(ds, folder / "in" / "one.dcm")
    release = spliced.rules_for([ds], spliced.ATTRIBUTES[:3])
    label = release.assessed[OWN]
    names = Pseudonyms(
        key=KEY, uids=True, of_label={label: "PXYZ"} if subjects else {},
        spellings={label: (OWN,)} if subjects else {}, labels={OWN: label},
    )  # fmt: skip
    acts = Acts(removed={("00081140",): "X", ("0011xx01[TEST%201]",): "X"}, pseudonyms=names)
    fast = spliced.copies(folder, "fast", release, acts=acts)
    slow = spliced.copies(folder, "slow", release, acts=acts, spliced=False)
    assert spliced.contents(folder / "fast") == spliced.contents(folder / "slow")
    assert fast.outcome == slow.outcome
    assert fast.files == slow.files


def paths_in(ds: Dataset, above: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Return the path of every element, by walking; a list inside itself is told once."""
    creators = {int(e.tag): str(e.value) for e in ds if names_creator(int(e.tag))}
    found = set()
    for element in ds:
        tag = int(element.tag)
        creator = None
        if tag >> 16 & 1:
            creator = creators.get(tag if names_creator(tag) else creator_place(tag))
        own = spelt(tag, creator)
        found.add((*above, own))
        if element.VR == "SQ":
            under = above if above[-1:] == (own,) else (*above, own)
            for each in element.value:
                found |= paths_in(each, under)
    return found


def is_gone(path: tuple[str, ...], chosen: set[tuple[str, ...]]) -> bool:
    """Tell what is decided, what is inside it, and what a creator has whose name goes."""
    for depth in range(1, len(path) + 1):
        *above, own = path[:depth]
        creator = own.partition("[")[2]
        if path[:depth] in chosen or (creator and (*above, f"{own[:4]}00xx[{creator}") in chosen):
            return True
    return False


@settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
@given(made=parts(), data=st.data())
def test_what_is_left_is_all_but_what_is_decided(made: Planted, data: st.DataObject) -> None:
    before = sorted(paths_in(made.ds))
    chosen = data.draw(st.sets(st.sampled_from(before), max_size=5)) if before else set()
    ds = an_object()
    ds.update(made.ds)
    whole = pydicom.dcmread(io.BytesIO(written(ds)))
    strip(whole, dict.fromkeys(chosen, "X"), Outcome())
    left = paths_in(pydicom.dcmread(io.BytesIO(written(whole))))
    gone = {path for path in paths_in(ds) if is_gone(path, chosen)}
    assert not left & gone
    assert paths_in(ds) - gone - left <= {p for p in paths_in(ds) if len(p) > 1}
    for path in paths_in(ds) - gone - left:
        assert any(other[: len(path) - 1] == path[:-1] for other in gone)
