"""Clinical tables in PostgreSQL, SQLite and DuckDB; a real server on this machine's loopback."""

from __future__ import annotations

import glob
import json
import os
import pwd
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pyarrow.parquet as pq
import pytest
import yaml
from command_line import midi_risk

from midi_risk.attributes.model import Kind, Role
from midi_risk.attributes.roles import propose
from midi_risk.errors import ConfigError, SourceError
from midi_risk.sources import TableSpec, extract
from midi_risk.sources.tables.read import read_raw

SECRET = "s3cret-word"  # noqa: S105 - of a server that lives for these tests
N = 44
GENDERS = {8507: "MALE", 8532: "FEMALE"}

SCHEMA = """
CREATE TABLE concept (concept_id INTEGER, concept_name VARCHAR(255));
CREATE TABLE person (
  person_id INTEGER, gender_concept_id INTEGER, year_of_birth INTEGER, month_of_birth INTEGER,
  day_of_birth INTEGER, birth_datetime TIMESTAMP, race_concept_id INTEGER, location_id INTEGER,
  person_source_value VARCHAR(50), gender_source_concept_id INTEGER
);
CREATE TABLE death (
  person_id INTEGER, death_date DATE, death_type_concept_id INTEGER, cause_concept_id INTEGER
);
CREATE TABLE visit_occurrence (
  visit_occurrence_id INTEGER, person_id INTEGER, visit_concept_id INTEGER,
  visit_start_date DATE, visit_end_date DATE, visit_type_concept_id INTEGER
);
CREATE TABLE condition_occurrence (
  condition_occurrence_id INTEGER, person_id INTEGER, condition_concept_id INTEGER,
  condition_start_date DATE
);
CREATE TABLE measurement (
  measurement_id INTEGER, person_id INTEGER, measurement_concept_id INTEGER,
  measurement_date DATE, value_as_number NUMERIC, unit_concept_id INTEGER
);
"""


def statements() -> list[str]:
    """Return a small OMOP database as statements that all three programs take."""
    names = {8507: "MALE", 8532: "FEMALE", 8527: "White", 9201: "Inpatient Visit", 8582: "cm"}
    names |= {201826: "Type 2 diabetes mellitus", 316866: "Hypertensive disorder"}
    names |= {3036277: "Body height"}
    made = [s for s in SCHEMA.split(";") if s.strip()]
    made += [_row("concept", number, name) for number, name in names.items()]
    for n in range(1, N + 1):
        gender, day, year = 8507 if n % 2 else 8532, f"0{1 + n % 2}", 1950 + n % 2
        visit, ill = f"2019-05-{day}", 201826 if n % 2 else 316866
        born = f"{year}-03-{day} 00:00:00"
        made += [
            _row("person", n, gender, year, 3, int(day), born, 8527, 7, f"MRN{n:05d}", 0),
            _row("visit_occurrence", n, n, 9201, visit, visit, 44818518),
            _row("condition_occurrence", n, n, ill, f"2018-04-{day}"),
            _row("measurement", n, n, 3036277, visit, 170.5 + int(day), 8582),
        ]
    return [*made, _row("death", 3, "2020-01-01", 32817, 0)]


def _row(table: str, *values: object) -> str:
    written = ", ".join(f"'{v}'" if isinstance(v, str) else str(v) for v in values)
    return f"INSERT INTO {table} VALUES ({written})"  # noqa: S608 - values of this file


def sqlite_file(folder: Path) -> str:
    with sqlite3.connect(folder / "study.db") as connection:
        for statement in ("BEGIN", *statements(), "COMMIT"):
            connection.execute(statement)
    connection.close()
    return f"sqlite:///{folder / 'study.db'}"


def duckdb_file(folder: Path) -> str:
    with duckdb.connect(str(folder / "study.duckdb")) as connection:
        for statement in ("BEGIN", *statements(), "COMMIT"):
            connection.execute(statement)
    return f"duckdb:///{folder / 'study.duckdb'}"


def _program(name: str) -> str | None:
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))  # noqa: PTH207
    return shutil.which(name) or (found[-1] if found else None)


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Start PostgreSQL on loopback with a password and a small OMOP database; stop it after."""
    dbapi = pytest.importorskip("adbc_driver_postgresql.dbapi", reason="the extra 'sql' is missing")
    initdb, postgres = _program("initdb"), _program("postgres")
    if initdb is None or postgres is None:
        pytest.skip("PostgreSQL is not on this machine (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="midi-risk-pg-"))
    other: dict[str, object] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
        other = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        os.chown(folder, user.pw_uid, user.pw_gid)
    word = folder / "word"
    word.write_text(SECRET)
    word.chmod(0o644)
    port = _free_port()
    process = None
    try:
        subprocess.run(
            [initdb, "-D", str(folder / "data"), "-U", "tester", "--auth=scram-sha-256",
             f"--pwfile={word}", "-E", "UTF8", "--no-locale", "--no-sync"],
            check=True, capture_output=True, cwd=folder, **other,
        )  # fmt: skip
        process = subprocess.Popen(
            [postgres, "-D", str(folder / "data"), "-p", str(port), "-h", "127.0.0.1",
             "-k", str(folder), "-F"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **other,
        )  # fmt: skip
        place = f"127.0.0.1:{port}/postgres"
        connection = _connected(dbapi, f"postgresql://tester:{SECRET}@{place}")
        with connection.cursor() as cursor:
            for statement in statements():
                cursor.execute(statement)
            cursor.execute("CREATE TABLE odd (person_id INTEGER, raw BYTEA, uid UUID, tags TEXT[])")
            cursor.execute("INSERT INTO odd VALUES (1, 'x', gen_random_uuid(), '{a,b}')")
        connection.commit()
        connection.close()
        yield f"postgresql://{place}"
    finally:
        if process is not None:
            process.terminate()
            process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _connected(dbapi: object, url: str) -> object:
    for _ in range(100):
        try:
            return dbapi.connect(url)  # type: ignore[attr-defined]
        except Exception:  # noqa: BLE001 - the server is not up yet
            time.sleep(0.1)
    raise AssertionError("PostgreSQL did not start")


@pytest.fixture
def postgres(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the server's URL; the credentials are in the environment."""
    monkeypatch.setenv("PGUSER", "tester")
    monkeypatch.setenv("PGPASSWORD", SECRET)
    return server


DATABASES: dict[str, Callable[[Path], str] | str] = {
    "PostgreSQL": "postgres",
    "SQLite": sqlite_file,
    "DuckDB": duckdb_file,
}
"""Table format -> what makes an example of it, or the fixture that does."""


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of each kind of database in turn."""
    made = DATABASES[request.param]
    return str(request.getfixturevalue(made)) if isinstance(made, str) else made(tmp_path)


def test_a_table_is_read_as_text(database: str) -> None:
    rows = read_raw(TableSpec.parse(f"{database}?table=measurement")).rows
    first = {name: rows.column(name)[0].as_py() for name in rows.column_names}
    assert first["person_id"] == "1"
    assert first["value_as_number"] == "172.5"
    assert first["measurement_date"] == "2019-05-02"
    assert rows.num_rows == N


def test_concepts_are_read_as_their_names(database: str) -> None:
    raw = read_raw(TableSpec.parse(f"{database}?table=person"))
    assert set(raw.rows.column("gender_concept_id").to_pylist()) == set(GENDERS.values())
    assert set(raw.rows.column("gender_source_concept_id").to_pylist()) == {"0"}
    assert any("concepts read as their names" in text for text in raw.findings)
    death = read_raw(TableSpec.parse(f"{database}?table=death")).rows
    assert death.column("cause_concept_id").to_pylist() == [None]


def test_an_omop_database_gets_roles(database: str) -> None:
    linked = ("visit_occurrence", "condition_occurrence", "measurement", "death")
    tables = [f"{database}?table={name}:person_id" for name in linked]
    read = extract(f"{database}?table=person", tables=tables)
    assert [t.name for t in read.tables] == ["person", *linked]
    assert {t.key for t in read.tables} == {"person_id"}
    roles = {a.name: (a.role, a.kind) for a in propose(read)}
    assert roles["gender_concept_id"] == (Role.QUASI_IDENTIFIER, Kind.SEX)
    assert roles["birth_datetime"] == (Role.QUASI_IDENTIFIER, Kind.DATE)
    assert roles["year_of_birth"][0] is Role.QUASI_IDENTIFIER
    assert roles["month_of_birth"] == (Role.QUASI_IDENTIFIER, Kind.CATEGORY)
    assert roles["day_of_birth"] == (Role.QUASI_IDENTIFIER, Kind.CATEGORY)
    assert roles["person_source_value"][0] is Role.DIRECT_IDENTIFIER
    assert roles["death_date"][0] is Role.QUASI_IDENTIFIER
    assert roles["visit_start_date"] == (Role.QUASI_IDENTIFIER, Kind.DATE)
    assert roles["condition_concept_id"][0] is Role.SENSITIVE
    assert roles["value_as_number"][0] is Role.SENSITIVE
    assert roles["visit_occurrence_id"][0] is Role.DIRECT_IDENTIFIER


def test_a_project_holds_the_place_and_no_credential(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project, url = tmp_path / "deep" / "project", f"{database}?table=person"
    before = read_raw(TableSpec.parse(url)).rows
    said = midi_risk(capsys, "init", url, "--table", f"{database}?table=death", "-o", project)
    assert said.code == 0, said.err
    written = (project / "midi-risk.yaml").read_text(encoding="utf-8")
    assert SECRET not in written
    sources = yaml.safe_load(written)["collection"]["sources"]
    assert [source["key"] for source in sources] == ["person_id", "person_id"]
    if not database.startswith("postgresql"):
        assert str(tmp_path) not in sources[0]["table"]
    said = midi_risk(capsys, "assess", project, "-o", tmp_path / "a", "--quiet")
    assert said.code in {3, 4}, said.err
    assert all(SECRET not in p.read_text("utf-8", "ignore") for p in (tmp_path / "a").iterdir())
    said = midi_risk(capsys, "suggest", project, "-o", tmp_path / "s", "--quiet", "--budget", 3)
    plan = tmp_path / "s" / "plan.json"
    said = midi_risk(capsys, "apply", project, "--plan", plan, "-o", tmp_path / "r")
    assert said.code in {3, 4}, said.err
    assert "person is written as the file person.parquet" in said.out
    release = tmp_path / "r" / "release"
    written_files = sorted(p.name for p in release.iterdir())
    assert written_files == [
        "data-dictionary.csv", "death.parquet", "person.parquet", "ro-crate-metadata.json"
    ]  # fmt: skip
    left = pq.read_table(release / "person.parquet").to_pydict()
    assert set(left["person_source_value"]) == {None}
    account = json.loads((tmp_path / "r" / "assessment" / "apply.json").read_text("utf-8"))
    assert len(left["person_id"]) == N - account["subjects_left_out"]
    assert read_raw(TableSpec.parse(url)).rows.equals(before)
    again = midi_risk(capsys, "assess", tmp_path / "r", "-o", tmp_path / "b", "--quiet")
    assert again.code == said.code, again.err


def test_a_release_over_the_file_of_a_database_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, project = f"{sqlite_file(tmp_path)}?table=person", tmp_path / "project"
    assert midi_risk(capsys, "init", url, "-o", project).code == 0
    midi_risk(capsys, "suggest", project, "-o", tmp_path / "s", "--quiet", "--budget", 3)
    plan, file = tmp_path / "s" / "plan.json", urlsplit(url).path[1:]
    content = Path(file).read_bytes()
    said = midi_risk(capsys, "apply", project, "--plan", plan, "-o", file)
    assert said.code == 2
    assert "overlap" in said.err
    assert Path(file).read_bytes() == content


@pytest.mark.parametrize("table", ["nothing", "pers'on", "", 'x"; DROP TABLE person; --'])
def test_an_unknown_table_is_one_line_that_names_those_there_are(database: str, table: str) -> None:
    with pytest.raises(SourceError) as error:
        read_raw(TableSpec(Path("t"), url=f"{database}?table={table}"))
    assert "no table" in str(error.value)
    assert "\n" not in str(error.value)
    assert read_raw(TableSpec.parse(f"{database}?table=person")).rows.num_rows == N


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{SECRET}@127.0.0.1/db?table=person",
        f"postgresql://127.0.0.1/db?table=person&password={SECRET}",
        f"postgresql:///db?SSLPASSWORD={SECRET}&table=person",
    ],
)
def test_a_password_in_a_url_is_refused_and_not_printed(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = midi_risk(capsys, "init", url, "-o", tmp_path / "p")
    assert said.code == 2
    assert "holds a password" in said.err
    assert SECRET not in said.err + said.out
    file = tmp_path / "midi-risk.yaml"
    file.write_text(
        f"schema: midi-risk/project/1\ncollection: {{name: x, sources: [{{table: '{url}'}}]}}\n"
    )
    said = midi_risk(capsys, "assess", file, "-o", tmp_path / "a")
    assert said.code == 2
    assert "holds a password" in said.err
    assert SECRET not in said.err + said.out
    with pytest.raises((ConfigError, SourceError)):
        extract(url)


def test_a_wrong_password_is_one_line_without_it(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGUSER", "tester")
    monkeypatch.setenv("PGPASSWORD", f"{SECRET}x")
    with pytest.raises(SourceError) as error:
        read_raw(TableSpec.parse(f"{server}?table=person"))
    assert SECRET not in str(error.value)
    assert "tester" not in str(error.value)
    assert error.value.__context__ is None
    assert "PGPASSWORD" in str(error.value)


def test_a_service_file_gives_host_and_credentials(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, port = server.removeprefix("postgresql://").partition("/")[0].split(":")
    (tmp_path / "services").write_text(
        f"[study]\nhost={host}\nport={port}\ndbname=postgres\nuser=tester\npassword={SECRET}\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    rows = read_raw(TableSpec.parse("postgresql:///?service=study&table=person")).rows
    assert rows.num_rows == N


def test_a_server_is_read_in_a_session_that_cannot_write(postgres: str) -> None:
    from midi_risk.sources.tables import databases

    with databases._open(f"{postgres}?table=person") as opened, pytest.raises(Exception) as error:  # noqa: PT011
        opened.pairs("DELETE FROM person RETURNING person_id, person_id")
    assert getattr(error.value, "sqlstate", "") == "25006"


def test_types_without_a_plain_form_are_text_and_binary_ones_are_said(postgres: str) -> None:
    raw = read_raw(TableSpec.parse(f"{postgres}?table=public.odd"))
    assert raw.rows.column_names == ["person_id", "uid", "tags"]
    assert raw.rows.column("tags").to_pylist() == ["{a,b}"]
    assert any("binary" in text for text in raw.findings)


def test_a_view_of_a_duckdb_file_cannot_make_us_read_another_file(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("person_id\n1\n")
    path = tmp_path / "study.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.sql(f"FROM read_csv('{tmp_path}/other.csv')").create_view("trap")
    with pytest.raises(SourceError, match="cannot be opened or read"):
        read_raw(TableSpec.parse(f"duckdb:///{path}?table=trap"))


def test_odd_types_of_the_files_are_read(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "a.duckdb")) as connection:
        connection.execute(
            "CREATE TABLE t AS SELECT 1 AS person_id, INTERVAL 3 DAY AS stay, uuid() AS u,"
            " TIMESTAMPTZ '2020-01-01 00:00:00+00' AS seen, 'a'::ENUM('a', 'b') AS e,"
            " 170141183460469231731687303715884105727::HUGEINT AS h, 'x'::BLOB AS raw"
        )
    rows = read_raw(TableSpec.parse(f"duckdb:///{tmp_path}/a.duckdb?table=t")).rows
    assert rows.column_names == ["person_id", "stay", "u", "seen", "e", "h"]
    with sqlite3.connect(tmp_path / "a.db") as file:
        file.execute("CREATE TABLE t (person_id, note, raw)")
        file.executemany("INSERT INTO t VALUES (?, ?, ?)", [(1, "a", b"x"), ("P2", None, 3)])
    file.close()
    rows = read_raw(TableSpec.parse(f"sqlite:///{tmp_path}/a.db?table=t")).rows
    assert rows.to_pydict() == {"person_id": ["1", "P2"], "note": ["a", None]}


@pytest.mark.parametrize("url", ["sqlite://host/a?table=t", "duckdb:///?table=t"])
def test_a_url_without_a_file_is_one_line(url: str) -> None:
    with pytest.raises(SourceError, match="names no file"):
        read_raw(TableSpec.parse(url))


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("patient,Jane")
    for scheme in ("sqlite", "duckdb"):
        with pytest.raises(SourceError, match="cannot be opened or read") as error:
            read_raw(TableSpec.parse(f"{scheme}:///{tmp_path}/a.db?table=t"))
        assert "Jane" not in str(error.value)
    with pytest.raises(SourceError, match="does not exist"):
        read_raw(TableSpec.parse("sqlite:///nowhere.db?table=t"))


def test_without_the_extra_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "adbc_driver_postgresql", None)
    with pytest.raises(SourceError, match=r"midi-risk\[sql\]"):
        read_raw(TableSpec.parse("postgresql://127.0.0.1/db?table=person"))
