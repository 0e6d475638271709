"""Writing the files of a target of `midi-risk export`, and how truly it carries the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from midi_risk.attributes.hierarchy import Hierarchy
from midi_risk.errors import ConfigError, MidiRiskError
from midi_risk.export.dicom.rules import DicomRules, dicom_rules
from midi_risk.export.rules import Action, ReleaseRules
from midi_risk.export.targets import TARGETS
from midi_risk.export.targets.base import (
    Fidelity,
    Files,
    Request,
    Translated,
    fidelity_csv,
    fidelity_text,
)
from midi_risk.sources.model import Extraction, SourceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """Files of one target.

    Parameters
    ----------
    files : mapping of str to str
        Relative path -> text.
    fidelity : tuple of Translated
    text : str
        The fidelity table as text.
    notes : tuple of str
        What the reader must know before passing the files on.
    """

    files: Mapping[str, str]
    fidelity: tuple[Translated, ...]
    text: str
    notes: tuple[str, ...] = field(default=())

    def __repr__(self) -> str:
        """Return counts only."""
        return f"Exported({len(self.files)} files, {len(self.fidelity)} rules)"


def export_rules(
    target: str,
    release: ReleaseRules,
    extraction: Extraction,
    *,
    statement: str,
    k: int = 1,
    hierarchies: Mapping[str, Hierarchy] | None = None,
) -> Exported:
    """Return the files of a target.

    Parameters
    ----------
    target : str
        Name of one of `TARGETS` that holds rules.
    release : ReleaseRules
    extraction : Extraction
        What the rules are about; scripts learn its SOP classes, never its values.
    statement : str
        For (0012,0063).
    k : int
        Class size that the threat model requires.
    hierarchies : mapping of str to Hierarchy, optional
        The user's own.

    Returns
    -------
    Exported

    Raises
    ------
    ConfigError
        When there is no such target.
    MidiRiskError
        When a DICOM tool is asked for and the project reads no DICOM.
    """
    known = {name: entry for name, entry in TARGETS.items() if entry.of_rules}
    if target not in known:
        raise ConfigError(
            "export", [f"there is no target {target!r}"], hint="Known: " + ", ".join(known)
        )
    dicom = _dicom(release, extraction)
    if known[target].needs_dicom and dicom is None:
        others = [f"--to {name}" for name, entry in known.items() if not entry.needs_dicom]
        raise MidiRiskError(
            f"--to {target} is for DICOM files, and the project reads none",
            hint="Use " + " or ".join(others),
        )
    made: Files = known[target].load()(
        Request(
            release=release,
            dicom=dicom,
            extraction=extraction,
            statement=statement,
            k=k,
            hierarchies=dict(hierarchies or {}),
        )
    )
    rows = [*made.fidelity, *_kept_keys(release)]
    text = fidelity_text(rows, target)
    return Exported(
        files={
            **made.files,
            "fidelity.csv": fidelity_csv(rows),
            "fidelity.txt": text + "\n",
        },
        fidelity=tuple(rows),
        text=text,
        notes=made.notes,
    )


def _kept_keys(release: ReleaseRules) -> Iterator[Translated]:
    """Yield the UIDs and subject keys that only `apply` replaces: it alone has the secret key."""
    for rule in release:
        if rule.attribute.rekeyed and rule.action is Action.KEEP:
            yield Translated(
                attribute=rule.name,
                source=rule.attribute.source,
                rule="replaced by a keyed pseudonym",
                fidelity=Fidelity.INEXPRESSIBLE,
                why="it stays as it is: only midi-risk apply writes pseudonyms",
            )


def _dicom(release: ReleaseRules, extraction: Extraction) -> DicomRules | None:
    source = next((t for t in extraction.tables if t.kind is SourceKind.DICOM), None)
    # No rule of these tools holds for single subjects, so the emptied cells are left aside.
    general = replace(release, emptied={})
    return None if source is None else dicom_rules(general, source.name)
