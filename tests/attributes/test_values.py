import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.attributes.model import Attribute, Kind, Role
from midi_risk.attributes.parsed import FLAGS
from midi_risk.attributes.values import normalise, normalise_for


def read(kind, raw, **options):
    return normalise(kind, [raw], **options)


@pytest.mark.parametrize(
    ("raw", "text", "months", "flag"),
    [
        ("066Y", "66", 792, ""),
        (" 066Y ", "66", 792, ""),
        ("173M", "173M", 173, ""),
        ("026W", "26W", 26 * 7 * 12 / 365.25, ""),
        ("012D", "12D", 12 * 12 / 365.25, ""),
        ("101Y", "101", 1212, ""),
        ("042y", "42", 504, "repaired"),
        ("42Y", "42", 504, "repaired"),
        ("90", "90", 1080, ""),
        ("25.50", "25.5", 306, ""),
        ("66.0", "66", 792, ""),
        ("4.774811773", "4.774811773", 4.774811773 * 12, ""),
        ("4yo", "4", 48, "repaired"),
        ("11 months", "11M", 11, "repaired"),
        ("1,5", "1.5", 18, "repaired"),
        ("55-60", "55-60", 660, ""),
        ("55 \u2013 60", "55-60", 660, ""),
        ("[55,60)", "55-59", 660, ""),
        (">89", "90+", 1080, ""),
        (">= 90", "90+", 1080, ""),
        ("90+", "90+", 1080, ""),
        ("90 or older", "90+", 1080, ""),
        ("<1", "<1", 0, ""),
        ("066Y\\067Y", "66", 792, "multi-valued"),
        ("066Y,067Y", "66", 792, "multi-valued"),
    ],
)
def test_an_age_has_one_canonical_text_and_months(raw, text, months, flag):
    age = read(Kind.AGE, raw)
    assert age.text == (text,)
    assert age.number[0] == pytest.approx(months)
    assert age.flag == (flag,)


@pytest.mark.parametrize(
    ("raw", "flag"),
    [
        ("155Y", "implausible"),
        ("300", "implausible"),
        ("000Y", "missing-token"),
        ("N-A", "missing-token"),
        ("n/a", "missing-token"),
        ("[Not Available]", "missing-token"),
        ("", "missing-token"),
        ("-9", "missing-token"),
        ("60-55", "unparseable"),
        ("adult", "unparseable"),
        ("<script>", "unparseable"),
    ],
)
def test_what_is_no_age_is_absent_with_the_reason(raw, flag):
    age = read(Kind.AGE, raw)
    assert age.text == (None,)
    assert math.isnan(age.number[0])
    assert age.flag == (flag,)


def test_a_bare_number_among_age_strings_is_a_repair():
    assert normalise(Kind.AGE, ["066Y", "90"]).flag == ("", "repaired")


def test_age_zero_is_kept_when_the_assessor_says_so():
    assert read(Kind.AGE, "000Y", zero_is_missing=False).text == ("0",)


@pytest.mark.parametrize(
    ("raw", "text"),
    [("M", "M"), ("Female", "F"), ("weiblich", "F"), ("Homme", "M"), ("O", "O"), ("1", "1"),
     ("2.0", "2"), ("M\\M", "M")],
)  # fmt: skip
def test_sex_is_read_from_many_spellings_and_codes_are_not_guessed(raw, text):
    assert read(Kind.SEX, raw).text == (text,)


@pytest.mark.parametrize(
    ("raw", "flag"),
    [("0000", "unparseable"), ("6657", "unparseable"), ("U", "missing-token"),
     ("unknown", "missing-token"), ("M,F", "multi-valued")],
)  # fmt: skip
def test_junk_in_sex_is_absent(raw, flag):
    sex = read(Kind.SEX, raw)
    assert (sex.text, sex.flag) == ((None,), (flag,))


def test_a_data_dictionary_decodes_sex():
    sex = normalise(Kind.SEX, ["1", "2", "1.0"], label="Patient sex: 1 = male, 2 = female")
    assert sex.text == ("M", "F", "M")


@pytest.mark.parametrize(
    ("raw", "text", "flag"),
    [
        ("20130517", "2013-05-17", ""),
        ("2013-05-17", "2013-05-17", ""),
        ("2013-5-7", "2013-05-07", ""),
        ("2013.05.17", "2013-05-17", ""),
        ("20130517102030.123456+0100", "2013-05-17", ""),
        ("2013-05-17T10:20:30Z", "2013-05-17", ""),
        ("1995-12-24 13:04:42", "1995-12-24", ""),
        ("2013-05", "2013-05", ""),
        ("2013", "2013", ""),
        ("2013.0", "2013", ""),
        ("2013-05-UN", "2013-05", ""),
        ("2013-UN-UN", "2013", ""),
        ("2013---", "2013", ""),
        ("201305", "2013-05", "repaired"),
        ("17.05.2013", "2013-05-17", "repaired"),
        ("05/17/2013", "2013-05-17", "repaired"),
        ("13/2/99", "1999-02-13", "repaired"),
        ("17-May-2013", "2013-05-17", "repaired"),
        ("17. Mai 2013", "2013-05-17", "repaired"),
        ("May 17, 2013", "2013-05-17", "repaired"),
        ("Sep1999", "1999-09", "repaired"),
        ("41411", "2013-05-17", "repaired"),
        ("1900-01-01", "1900-01-01", ""),
        ("1959-12-24", "1959-12-24", ""),
        ("20130517\\20130518", "2013-05-17", "multi-valued"),
    ],
)
def test_a_date_has_one_canonical_text(raw, text, flag):
    when = read(Kind.DATE, raw)
    assert (when.text, when.flag) == ((text,), (flag,))
    whole = (text + "-01-01")[:10] if len(text) == 4 else (text + "-01")[:10]
    assert when.number[0] == date.fromisoformat(whole).toordinal()


@pytest.mark.parametrize(
    ("raw", "flag"),
    [("00000000", "missing-token"), ("2013-02-30", "unparseable"), ("0012-01-01", "implausible"),
     ("12345678901", "unparseable"), ("soon", "unparseable")],
)  # fmt: skip
def test_what_is_no_date_is_absent(raw, flag):
    when = read(Kind.DATE, raw)
    assert (when.text, when.flag) == ((None,), (flag,))


def test_one_date_that_shows_the_order_settles_the_others():
    assert normalise(Kind.DATE, ["03/04/2012", "25/12/2012"]).text[0] == "2012-04-03"
    assert normalise(Kind.DATE, ["03/04/2012", "12/25/2012"]).text[0] == "2012-03-04"


def test_times_become_six_digits_and_seconds():
    times = normalise(Kind.TIME, ["13", "1304", "130442.123", "13:04:42", "1:04 pm", "24", "x?"])
    assert times.text == ("130000", "130400", "130442", "130442", "130400", None, None)
    assert times.number[2] == 13 * 3600 + 4 * 60 + 42


@pytest.mark.parametrize(
    ("raw", "text", "flag"),
    [
        ("1.50", "1.5", ""),
        ("007", "7", ""),
        ("-0.0", "0", ""),
        ("1e3", "1000", ""),
        ("-16179", "-16179", ""),
        ("170 cm", "170", "repaired"),
        ("1,75", "1.75", "repaired"),
        ("1,234.5", "1234.5", "repaired"),
        (">100", ">100", ""),
        ("55-60", "55-60", ""),
        ("0.50\\0.5", "0.5\\0.5", "multi-valued"),
    ],
)
def test_a_number_has_one_canonical_text(raw, text, flag):
    number = read(Kind.NUMBER, raw)
    assert (number.text, number.flag) == ((text,), (flag,))


@pytest.mark.parametrize("raw", ["nan", "n/a", "abc", "1e999", ""])
def test_what_is_no_number_is_absent(raw):
    assert read(Kind.NUMBER, raw).text == (None,)


def test_zero_weight_is_missing_by_the_ladder_of_the_attribute():
    weight = Attribute(
        name="PatientWeight", source="dicom", column="PatientWeight", role=Role.QUASI_IDENTIFIER,
        kind=Kind.NUMBER, reason="test", ladder="weight",
    )  # fmt: skip
    assert normalise_for(weight, ["0.0", "70.0"]).text == (None, "70")
    assert normalise(Kind.NUMBER, ["0.0"]).text == ("0",)


def test_categories_lose_padding_and_code_strings_lose_case():
    assert normalise(Kind.CATEGORY, ["  AT-6     6 "]).text == ("AT-6 6",)
    assert normalise(Kind.CATEGORY, ["Chest "], upper=True).text == ("CHEST",)
    assert normalise(Kind.CATEGORY, ["Discrepancy", "..", "#N/A"]).text == (None, None, None)


def test_text_becomes_its_set_of_tokens():
    text = normalise(Kind.TEXT, ["CHEST, W/O contrast - Chest", "--"])
    assert text.text == ("chest contrast o w", None)


def test_identifiers_keep_leading_zeros():
    assert normalise(Kind.IDENTIFIER, [" 007 "]).text == ("007",)


def test_no_values_are_shown_by_repr():
    assert "066Y" not in repr(normalise(Kind.AGE, ["066Y", "junk"]))
    assert normalise(Kind.AGE, ["066Y", "junk"]).flag_counts() == {"unparseable": 1}


@given(st.sampled_from(list(Kind)), st.lists(st.text(max_size=20), max_size=8))
@settings(deadline=None, max_examples=200)
def test_hostile_text_never_raises_and_absent_text_has_no_number(kind, raw):
    result = normalise(kind, raw)
    assert len(result.text) == len(result.flag) == len(result.number) == len(raw)
    assert set(result.flag) <= set(FLAGS)
    absent = np.array([text is None for text in result.text], dtype=bool)
    assert np.isnan(result.number[absent]).all()
    assert not any(text == "" or "\0" in text for text in result.text if text is not None)


@given(
    st.sampled_from([Kind.AGE, Kind.DATE, Kind.TIME, Kind.NUMBER, Kind.CATEGORY, Kind.IDENTIFIER]),
    st.lists(
        st.one_of(
            st.from_regex(r"\d{3}[DWMY]|\d{8}|-?\d{1,6}\.\d{1,3}|\d{1,3}-\d{1,3}", fullmatch=True),
            st.text(max_size=8),
        ),
        min_size=1,
        max_size=1,
    ),
)
@settings(deadline=None, max_examples=200)
def test_canonical_text_is_a_fixed_point(kind, raw):
    once = normalise(kind, raw)
    if once.text[0] is not None and kind is not Kind.TEXT:
        again = normalise(kind, [once.text[0]])
        assert again.text == once.text


@given(st.dates(min_value=date(1850, 1, 1), max_value=date(2150, 1, 1)))
@settings(deadline=None, max_examples=100)
def test_every_form_of_one_day_is_one_day(day):
    forms = [day.strftime("%Y%m%d").zfill(8), day.isoformat(), f"{day.day}.{day.month}.{day.year}"]
    assert set(normalise(Kind.DATE, forms).number) == {float(day.toordinal())}


@pytest.mark.parametrize(
    ("raw", "text", "flag"),
    [
        ("2003---15", "2003", ""),
        ("2003-12-15T-:15", "2003-12-15", ""),
        ("-----T07:15", None, "missing-token"),
        ("--12-15", None, "unparseable"),
        ("2003-12-15T13:14:17/2003-12-15T13:15", "2003-12-15", "multi-valued"),
        ("UN-UNK-2010", "2010", ""),
        ("UNK-05-2010", "2010-05", "repaired"),
        ("1/2020", "2020-01", "repaired"),
        ("12/31/45", "1945-12-31", "repaired"),
        ("12/31/29", "2029-12-31", "repaired"),
    ],
)
def test_partial_dates_keep_what_they_say(raw, text, flag):
    read = normalise(Kind.DATE, [raw])
    assert (read.text[0], read.flag[0]) == (text, flag)


@pytest.mark.parametrize(
    ("column", "text", "flag"),
    [
        (["03/04/2012", "25/04/2012"], "2012-04-03", "repaired"),
        (["03/04/2012", "04/25/2012"], "2012-03-04", "repaired"),
        (["03/04/2012", "05/06/2012"], "2012-03-04", "ambiguous"),
        (["03/04/2012", "25/04/2012", "04/25/2012"], "2012-03-04", "ambiguous"),
        (["04/04/2012"], "2012-04-04", "repaired"),
        (["03.04.2012"], "2012-04-03", "repaired"),
    ],
)
def test_the_order_of_day_and_month_is_settled_by_the_column_or_said_to_be_open(column, text, flag):
    read = normalise(Kind.DATE, column)
    assert (read.text[0], read.flag[0]) == (text, flag)


def test_codes_for_missing_are_known_by_their_neighbours():
    assert normalise(Kind.NUMBER, ["3", "-9", "-99.0", "0"]).text == ("3", None, None, "0")
    assert normalise(Kind.NUMBER, ["3", "-9", "-2"]).text == ("3", "-9", "-2")
    assert normalise(Kind.NUMBER, ["-9"]).text == ("-9",)
    weights = normalise(Kind.NUMBER, ["70", "-1", "999", "0"], zero_is_missing=True, measure=True)
    assert weights.text == ("70", None, None, None)
    assert weights.flag == ("", "implausible", "implausible", "missing-token")
