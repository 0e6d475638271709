"""A review: from a folder to a signed release in steps, one project file underneath.

The page reads the project file, shows what is open, and changes the file where it stands. What
it does is kept, so that it can be undone. It does not change a file that somebody else changed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from midi_risk.attributes.families import families
from midi_risk.attributes.model import Attribute, AttributeSet, Decision, Role
from midi_risk.config import Project
from midi_risk.document.assessment import Assessment
from midi_risk.document.clean import neutral
from midi_risk.document.files import load_plan, plan_text, write_all_private, write_private
from midi_risk.document.plan import Plan
from midi_risk.document.reasons import REASONS, Reason
from midi_risk.errors import ConfigError, MidiRiskError, OutputError, did_you_mean
from midi_risk.risk.account import ReleaseDecisions
from midi_risk.risk.channels.together import subjects_of
from midi_risk.sources.collect import kind_of_source
from midi_risk.sources.model import Extraction, TableSpec
from midi_risk.sources.tables.formats import looks_like_table, table_format
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import released
from midi_risk.threat.channels import CHANNELS
from midi_risk.tune.attribute_sheet import sheet_changes
from midi_risk.tune.changes import Desk, digest_of, edited, read_project
from midi_risk.tune.project_edits import with_items, with_values
from midi_risk.tune.review_forms import Form, answered, forms_of, step_of
from midi_risk.tune.session import Bench, Session

Progress = Callable[[int, int | None], None]
MOST_ENTRIES = 200_000
"""Entries of a folder that are looked at for tables; reading finds those beyond."""
MOST_VALUES = 60
_PREVIEWED = 5_000_000
"""Bytes of a table up to which its columns are shown before it is linked."""


@dataclass(kw_only=True)
class Reading:
    """What a project file leads to; figures are computed when somebody looks.

    Parameters
    ----------
    text : str
        The project file.
    project : Project
    base : pathlib.Path
        Folder that its paths start from.
    extraction : Extraction
    attributes : AttributeSet
        With the decisions of the project.
    fold, assess, bench, decide : callable
        Give the subject table, the assessment, the workbench of the levels, and what is decided
        about what leaves.
    """

    text: str
    project: Project
    base: Path
    extraction: Extraction
    attributes: AttributeSet
    fold: Callable[[], SubjectTable]
    assess: Callable[[], Assessment]
    bench: Callable[[], Bench]
    decide: Callable[[], ReleaseDecisions]

    @cached_property
    def table(self) -> SubjectTable:
        """One row per subject."""
        return self.fold()

    @cached_property
    def assessment(self) -> Assessment:
        """The assessment of the project as it stands."""
        return self.assess()

    @property
    def blocking(self) -> list[Reason]:
        """The reasons that keep the verdict from being acceptable."""
        return [
            reason
            for reason in self.assessment.verdict.reasons
            if REASONS[reason.code].status in {"incomplete", "above_threshold"}
        ]

    @cached_property
    def forms(self) -> list[Form]:
        """What is open and what closes it."""
        leading = self.extraction.tables[0]
        view = released(self.table)  # with those whom a plan leaves out: evidence is about all
        return forms_of(
            self.project,
            self.table,
            self.assessment,
            self.decide(),
            self.conflicts,
            leading.key,
            {name: int(subjects_of(view, name).sum()) for name in CHANNELS},
            datetime.now(UTC).date().isoformat(),
        )

    @property
    def conflicts(self) -> list[str]:
        """Subjects with values that exclude each other, where a reason names the attribute."""
        reasons = self.assessment.verdict.reasons
        named = [n for r in reasons if r.code == "merged_subjects" for n in r.names]
        leading = self.extraction.tables[0]
        found: set[str] = set()
        for name in named:
            if name not in leading.rows.column_names or not leading.key:
                continue
            frame = leading.rows.select([leading.key, name]).to_pandas().dropna().astype(str)
            frame[name] = frame[name].str.strip().str.casefold()
            frame = frame[frame[name].isin({"m", "f", "male", "female"})]
            many = frame.groupby(leading.key, observed=True)[name].nunique()
            found |= {str(key) for key in many[many > 1].index}
        return sorted(found)[:50]

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The attributes as the page and the spreadsheet list them."""
        listed = [a for a in self.table.attributes if not self._derived(a)]
        grouped = families({a.name: _setting(a) for a in listed})
        pattern = {name: key for key, names in grouped.items() for name in names}
        rows: list[dict[str, Any]] = []
        for attribute in sorted(listed, key=lambda a: _ORDER.index(a.role)):
            key = pattern.get(attribute.name, attribute.name)
            if key != attribute.name and grouped[key][0] != attribute.name:
                continue
            members = len(grouped[key]) if key in grouped else 1
            distinct, missing = self.table.distinct.get(attribute.name, (0, 0))
            rows.append(
                {
                    "attribute": key, "first": attribute.name, "members": members,
                    "role": attribute.role.value,
                    "decision": attribute.decision.value if attribute.decision else "",
                    "level": _level(attribute), "need": attribute.need or "",
                    "distinct": distinct, "missing": missing, "reason": attribute.reason,
                    "source": attribute.source or "", "label": attribute.label or "",
                }
            )  # fmt: skip
        return rows

    def _derived(self, attribute: Attribute) -> bool:
        return attribute.name.endswith(".range") and attribute.name[:-6] in self.table.attributes


_ORDER = (
    Role.UNDECIDED, Role.DIRECT_IDENTIFIER, Role.QUASI_IDENTIFIER, Role.SENSITIVE,
    Role.LINKAGE_KEY, Role.INSENSITIVE,
)  # fmt: skip
"""What asks for a decision comes first."""


def _setting(attribute: Attribute) -> str:
    return "|".join(
        str(part)
        for part in (attribute.role, attribute.decision, attribute.generalise_to, attribute.need)
    )


def _level(attribute: Attribute) -> str:
    return "" if attribute.generalise_to is None else str(attribute.generalise_to)


class Works(Protocol):
    """What the command line does for a review."""

    def first(
        self,
        folder: Path,
        tables: Sequence[str],
        excluded: Sequence[str],
        file: Path,
        progress: Progress,
    ) -> str:
        """Read a folder for the first time and return the text of its project file."""

    def read(self, file: Path, plan: Plan | None, progress: Progress) -> Reading:
        """Read a project, to be released by a plan."""

    def release(self, file: Path, plan: Path, target: Path, progress: Progress) -> dict[str, Any]:
        """Write a release and return what was written, in words."""

    def reports(self, file: Path, output: Path, progress: Progress) -> list[str]:
        """Assess the project, write the results and return their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableBeside:
    """A table that was found in a folder of images."""

    path: Path
    name: str
    size: int
    columns: tuple[str, ...] = ()
    rows: int | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One change of the project file."""

    said: str
    before: str
    after: str


@dataclass(kw_only=True)
class Review:
    """One sitting over a folder.

    Parameters
    ----------
    folder : pathlib.Path
        As named: images with tables beside them, or a project.
    file : pathlib.Path
        The project file; it need not exist yet.
    output : pathlib.Path
        Folder for plan.json and the reports.
    release : pathlib.Path
        Folder of the release; a number is added where it is taken.
    works : Works
    """

    folder: Path
    file: Path
    output: Path
    release: Path
    works: Works
    done: list[Done] = field(default_factory=list)
    undone: list[Done] = field(default_factory=list)
    released: dict[str, Any] | None = None
    written: list[str] = field(default_factory=list)
    working: str = ""
    progress: tuple[int, int | None] = (0, None)

    def __post_init__(self) -> None:
        """Prepare the first state."""
        self.lock = threading.RLock()
        self._reading: Reading | None = None
        self._desk: Desk | None = None
        self._planned = b""
        self._beside: list[TableBeside] | None = None

    # --- reading

    @property
    def begun(self) -> bool:
        """Whether there is a project file."""
        return self.file.is_file()

    @property
    def ready(self) -> bool:
        """Whether the project file as it stands has been read."""
        return (
            self._reading is not None
            and self._reading.text == self._text()
            and self._planned == self._plan_bytes()
        )

    @property
    def reading(self) -> Reading:
        """What the project file as it stands leads to; reads where need be."""
        if not self.ready:
            planned = self._plan_bytes()
            plan = load_plan(self.plan) if planned else None
            self._reading = self._working("reading", self.works.read, self.file, plan)
            self._desk, self._beside, self._planned = None, None, planned
        assert self._reading is not None  # noqa: S101 - set above
        return self._reading

    def read(self) -> str:
        """Read the project as it stands; nothing is said of it."""
        self._reading = self.reading
        return ""

    @property
    def desk(self) -> Desk:
        """The desk of the levels of the project as it stands.

        Raises
        ------
        SearchError
            When there is nothing to tune.
        """
        reading = self.reading
        if self._desk is None:
            session = Session(bench=reading.bench())
            planned = load_plan(self.plan) if self.plan.is_file() else None
            out = planned is not None and planned.suppressed.subjects > 0
            self._desk = Desk(session=session, output=self.output, leaves_out=out)
        return self._desk

    def _plan_bytes(self) -> bytes:
        return self.plan.read_bytes() if self.plan.is_file() else b""

    def _text(self) -> str:
        return read_project(self.file) if self.begun else ""

    def _working(self, what: str, work: Callable[..., Any], *given: Any) -> Any:
        def told(done: int, total: int | None) -> None:
            self.progress = (done, total)

        self.working, self.progress = what, (0, None)
        try:
            return work(*given, told)
        finally:
            self.working = ""

    # --- sources

    @property
    def beside(self) -> list[TableBeside]:
        """The tables in the folder and those that are linked from elsewhere."""
        if self._beside is None:
            self._beside = self._tables()
        return self._beside

    def _tables(self) -> list[TableBeside]:
        if not self.begun:
            images = self.folder.is_dir() and kind_of_source(self.folder) == "dicom"
            return tables_in(self.folder) if images else []
        reading = self.reading
        found: list[TableBeside] = []
        for source in reading.project.collection.sources:
            path = reading.base / source.path
            if "://" not in source.path and source.kind == "dicom" and path.is_dir():
                found += tables_in(path)
        known = {table.path.resolve() for table in found}
        for source in reading.project.collection.sources:
            path = reading.base / source.path
            if source.kind == "table" and path.is_file() and path.resolve() not in known:
                found.append(_previewed(path, path.name))
        return found

    def choice_of(self, table: TableBeside) -> str:
        """Return "link", "exclude", or "" where nobody has decided on a table."""
        if not self.begun:
            return ""
        reading = self.reading
        linked = {
            (reading.base / source.path).resolve()
            for source in reading.project.collection.sources
            if "://" not in source.path
        }
        if table.path.resolve() in linked:
            return "link"
        unread = [r for r in reading.assessment.verdict.reasons if r.code == "beside_unread"]
        excluded = any(
            Path(table.name).match(pattern) for pattern in reading.project.collection.exclude
        )
        return "exclude" if excluded else ("" if unread else "part")

    def choose(self, choices: Mapping[str, str], keys: Mapping[str, str]) -> str:
        """Link or exclude every table; make the project file where there is none.

        Parameters
        ----------
        choices : mapping of str to str
            By name of the table ``"link"`` or ``"exclude"``.
        keys : mapping of str to str
            By name of the table the column that names the subject; empty: found by reading.

        Raises
        ------
        ConfigError
            When a table is left without a choice: what lies beside images is never passed over.
        """
        asked = [table for table in self.beside if table.name not in choices]
        if asked and not self.begun:
            raise ConfigError(
                "the folder", [f"{neutral(t.name)}: link it or exclude it" for t in asked[:20]]
            )
        wrong = set(choices.values()) - {"link", "exclude"}
        if wrong:
            raise ConfigError("the folder", ["a table is linked or excluded"])
        linked = [t for t in self.beside if choices.get(t.name) == "link"]
        excluded = [t.name for t in self.beside if choices.get(t.name) == "exclude"]
        if not self.begun:
            given = [
                f"{t.path}:{keys[t.name]}" if keys.get(t.name) else str(t.path) for t in linked
            ]
            text = self._working(
                "reading", self.works.first, self.folder, given, excluded, self.file
            )
            write_private(self.file, text)
            return f"Written: {short(self.file)}. Every proposal in it is yours to change."
        return self._rechoose(linked, excluded, keys)

    def _rechoose(
        self, linked: Sequence[TableBeside], excluded: Sequence[str], keys: Mapping[str, str]
    ) -> str:
        reading, old = self.reading, self._text()
        sources = reading.project.collection.sources
        places = [
            None if "://" in source.path else (reading.base / source.path).resolve()
            for source in sources
        ]
        gone = {t.path.resolve() for t in self.beside if t.name in excluded}
        removed = [number for number, place in enumerate(places) if place in gone]
        added = [
            {"table": os.path.relpath(t.path, reading.base)}
            | ({"key": keys[t.name]} if keys.get(t.name) else {})
            for t in linked
            if t.path.resolve() not in places
        ]
        path = str(self.file)
        text = with_items(old, ("collection", "sources"), added, removed, path)
        names = {t.name for t in linked}
        kept = [p for p in reading.project.collection.exclude if p not in names]
        wanted = [*kept, *(name for name in excluded if name not in kept)]
        if wanted != list(reading.project.collection.exclude):
            text = with_values(text, {("collection", "exclude"): wanted or None}, path)
        return self._write(text, "Sources changed")

    # --- changes of the project file

    def answer(self, name: str, given: Mapping[str, Any]) -> str:
        """Take the answers to a form into the project file.

        Raises
        ------
        ConfigError
            When an answer is missing or no project file may say it.
        """
        forms = {form.name: form for form in self.reading.forms}
        if name not in forms:
            raise ConfigError("the page", ["it asks for a form that is no longer there; reload it"])
        form = forms[name]
        text = with_values(self._text(), answered(form, given), str(self.file))
        return self._write(text, form.title)

    def set_roles(
        self, names: Sequence[str], *, role: str = "", decision: str = "", need: str = ""
    ) -> str:
        """Give attributes a role, a decision and a reason; what is empty stays as it is.

        Parameters
        ----------
        names : sequence of str
            As the page lists them, patterns of families included.
        role : str
        decision : str
            ``"open"`` takes a decision back.
        need : str

        Raises
        ------
        ConfigError
        """
        rows = {row["attribute"]: row for row in self.reading.rows}
        unknown = [name for name in names if name not in rows]
        faults = ["choose attributes first"] if not names else []
        if unknown:
            faults.append("it names an attribute that is not there; reload it")
        if role and role not in set(Role):
            faults.append(f"no such role. {did_you_mean(role, list(Role))}")
        if decision and decision not in {"open", "retain", "remove"}:
            faults.append("a decision here is open, retain or remove; levels have their own step")
        if not (role or decision or need.strip()):
            faults.append("choose a role, a decision or a reason to set")
        if faults:
            raise ConfigError("the page", faults)
        keys: dict[str, Any] = {}
        if role:
            keys["role"] = role
        if decision:
            keys |= {"decision": None if decision == "open" else decision, "level": None}
        if need.strip():
            keys["need"] = " ".join(neutral(need).split())[:2000]
        return self._change({name: dict(keys) for name in names})

    def take_sheet(self, content: bytes) -> str:
        """Take an edited spreadsheet of attributes into the project file.

        Raises
        ------
        ConfigError
        """
        changes = sheet_changes(content, self.reading.rows)
        return self._change(changes) if changes else "The spreadsheet changes nothing."

    def _change(self, changes: Mapping[str, Mapping[str, Any]]) -> str:
        """Write settings of attributes; the role goes along where the file leaves it open."""
        rows = {row["attribute"]: row for row in self.reading.rows}
        stated = self.reading.project.attributes
        whole = {
            name: ({} if name in stated and stated[name].role else {"role": rows[name]["role"]})
            | dict(keys)
            for name, keys in changes.items()
        }
        text = edited(self._text(), whole, str(self.file))
        count = len(changes)
        return self._write(text, f"{count} attribute{'s' * (count != 1)} changed")

    def _write(self, text: str, said: str) -> str:
        """Write the project file and keep what it said before.

        Raises
        ------
        OutputError
            When somebody else changed the file meanwhile; it is left alone.
        """
        before = self.reading.text
        self._check_same(before)
        if text == before:
            return "Nothing to change: the file says so already."
        self._replace(text)
        self.done.append(Done(said=said, before=before, after=text))
        self.undone.clear()
        return f"{said}: saved to {self.file.name}."

    @property
    def digest(self) -> str:
        """Digest of the project file as it stands, for the page that shows it."""
        return digest_of(self._text())

    def check_shown(self, digest: str) -> None:
        """Refuse what a page asks that shows another state of the project file.

        Raises
        ------
        OutputError
        """
        if digest != self.digest:
            raise self._changed()

    def _check_same(self, text: str) -> None:
        if self.digest != digest_of(text):
            raise self._changed()

    def _changed(self) -> OutputError:
        return OutputError(
            f"{self.file.name} was changed since this page read it, so nothing was written",
            hint="Reload the page: it then shows what the file says now",
        )

    def _replace(self, text: str) -> None:
        mode = self.file.stat().st_mode & 0o777
        write_all_private({self.file: text})
        self.file.chmod(mode)

    def save_levels(self, save: Callable[[], str]) -> str:
        """Save the levels of the desk, and keep what the project file said before."""
        before = self._text()
        said = save()
        after = self._text()
        if after != before:
            self.done.append(Done(said="Levels", before=before, after=after))
            self.undone.clear()
        return said

    def undo(self) -> str:
        """Take the last change back.

        Raises
        ------
        OutputError
            When there is none, or somebody else changed the file since.
        """
        return self._turn(self.done, self.undone, back=True)

    def redo(self) -> str:
        """Make the last change that was taken back again.

        Raises
        ------
        OutputError
        """
        return self._turn(self.undone, self.done, back=False)

    def _turn(self, source: list[Done], target: list[Done], *, back: bool) -> str:
        if not source:
            raise OutputError(f"there is nothing to {'undo' if back else 'redo'}")
        last = source[-1]
        self._check_same(last.after if back else last.before)
        self._replace(last.before if back else last.after)
        target.append(source.pop())
        return f"{'Undone' if back else 'Done again'}: {last.said}."

    # --- looking

    def values(self, name: str) -> dict[str, Any]:
        """Return the values of an attribute with how many subjects have each, most first.

        Raises
        ------
        ConfigError
        """
        table = self.reading.table
        if name not in table.frame.columns:
            raise ConfigError("the page", ["this attribute is not folded, so no value is shown"])
        counts = table.frame[name].value_counts(dropna=True)
        listed = [
            {"value": neutral(str(value))[:200], "subjects": int(n)}
            for value, n in counts.head(MOST_VALUES).items()
        ]
        return {
            "values": listed,
            "more": max(0, len(counts) - MOST_VALUES),
            "missing": int(table.frame[name].isna().sum()),
        }

    def open_on(self, step: str) -> list[str]:
        """Return what is still open on a step and no form of it closes, in sentences."""
        forms = [form for form in self.reading.forms if form.step == step and not form.closed]
        answered_by = {code for form in forms for code in form.codes}
        return [
            neutral(reason.text)
            for reason in self.reading.blocking
            if step_of(reason.code) == step and reason.code not in answered_by
        ]

    # --- the release

    @property
    def plan(self) -> Path:
        """Where the plan is, when the levels were saved."""
        return self.output / "plan.json"

    def write_release(self) -> str:
        """Write the release into a new folder and assess what was written.

        Raises
        ------
        MidiRiskError
        """
        target = free_folder(self.release)
        self._judge_plan_anew()
        self.released = self._working(
            "writing the release", self.works.release, self.file, self.plan, target
        )
        return f"Written to {short(target)}."

    def _judge_plan_anew(self) -> None:
        """Judge the saved levels by the project as it stands, and leave out who stays rare.

        Evidence that came later may have made a plan acceptable, and the data may have changed.
        """
        if not self.plan.is_file():
            return
        plan = load_plan(self.plan)
        if plan.found and plan.collection_digest == self.reading.table.digest:
            return
        session = self.desk.session
        node = [axis.levels.index(axis.start) for axis in session.axes.axes]
        made = session.planned(node, leave_out=plan.suppressed.subjects > 0)
        write_private(self.plan, plan_text(made))

    def write_reports(self) -> str:
        """Assess the project as it stands and write the results."""
        self.written = self._working("assessing", self.works.reports, self.file, self.output)
        return f"Written to {short(self.output)}: {', '.join(self.written)}."


def short(path: Path) -> str:
    """Return a path from the folder in which the page was started, where it lies below it."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def free_folder(target: Path) -> Path:
    """Return a folder that is not there yet: the one named, or it with a number."""
    number, found = 1, target
    while found.exists():
        number += 1
        found = target.with_name(f"{target.name}-{number}")
    return found


def tables_in(folder: Path) -> list[TableBeside]:
    """Return the tables below a folder, named from it, in order."""
    found: list[TableBeside] = []
    met = 0
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        met += len(files)
        if met > MOST_ENTRIES:
            break
        for name in sorted(files):
            path = Path(place, name)
            if looks_like_table(path) and not name.startswith("."):
                found.append(_previewed(path, path.relative_to(folder).as_posix()))
    return found


def _previewed(path: Path, name: str) -> TableBeside:
    """Return a table with its columns, where it is small enough to be opened."""
    try:
        size = path.stat().st_size
    except OSError:
        return TableBeside(path=path, name=name, size=0, fault="it cannot be read")
    kind = table_format(path)
    if kind is None or size > _PREVIEWED:
        return TableBeside(path=path, name=name, size=size)
    try:
        rows = kind.read(path, TableSpec(path)).rows
    except (MidiRiskError, OSError, ValueError, ImportError) as error:
        why = neutral(error.message) if isinstance(error, MidiRiskError) else "it cannot be read"
        return TableBeside(path=path, name=name, size=size, fault=why)
    columns = tuple(neutral(column) for column in rows.column_names)
    return TableBeside(path=path, name=name, size=size, columns=columns, rows=rows.num_rows)


def decision_words(decision: str, level: str) -> str:
    """Return a decision as the page says it.

    Examples
    --------
    >>> decision_words("generalise", "5y"), decision_words("", "")
    ('generalise to 5y', 'as proposed')
    """
    if decision == Decision.GENERALISE.value:
        return f"generalise to {level}"
    return decision or "as proposed"
