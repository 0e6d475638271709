"""Who signed an assessment: a statement that binds assessor, day and digest, and its signature.

The statement lies beside the assessment as `assessment.signed.json`. A key of the assessor signs
it with the program that owns the key: `ssh-keygen -Y sign` (OpenSSH 8.0 and later) or `minisign`.
midi-risk never reads a private key. Without a key the statement stands alone, and says so.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from midi_risk.document.assessment import Assessment, SignOff, day_of, said
from midi_risk.document.clean import neutral, shortened
from midi_risk.document.files import file_sha256, load_assessment, write_private
from midi_risk.document.plan import Part
from midi_risk.document.reasons import Status
from midi_risk.errors import ConfigError, OutputError, SourceError, reason_of

SIGNATURE_SCHEMA = "midi-risk/signature/1"
STATEMENT, SSH_SIGNATURE, MINI_SIGNATURE = (
    "assessment.signed.json", "assessment.signed.json.sig", "assessment.signed.json.minisig",
)  # fmt: skip
SIGNED_FILES = (STATEMENT, SSH_SIGNATURE, MINI_SIGNATURE, "certificate.html")
"""What lies beside an assessment that was signed."""
NAMESPACE = "midi-risk"
"""What the signature of an SSH key is for, so that it counts for nothing else."""
_SIZE_LIMIT = 1_000_000
_PATIENCE = 300


class Signature(Part):
    """A statement of the assessor about one assessment."""

    schema_: str = Field(default=SIGNATURE_SCHEMA, alias="schema")
    assessor: str
    role: str = ""
    organisation: str = ""
    date: str
    statement: str = ""
    assessment: str = Field(description="SHA-256 of assessment.json, byte for byte")
    verdict: Status
    valid_until: str
    method: Literal["ssh", "minisign", "statement"] = Field(
        description="statement: no key signed it, and nothing proves who wrote it"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureCheck:
    """What was found of a signature.

    Parameters
    ----------
    signature : Signature or None
        None where there is none that can be read.
    verified, not_verified : tuple of str
        One sentence each.
    broken : tuple of str
        What contradicts it: another digest, a signature that is not of this statement.
    """

    signature: Signature | None
    verified: tuple[str, ...] = ()
    not_verified: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


def sign(
    path: str | Path,
    *,
    assessor: str = "",
    role: str = "",
    organisation: str = "",
    statement: str = "",
    key: str | Path | None = None,
    today: date | None = None,
) -> Signature:
    """Write a statement beside an assessment, and sign it where a key is given.

    Parameters
    ----------
    path : path
        `assessment.json`, or the folder that holds it.
    assessor, role, organisation, statement : str
        What is not given is taken from `sign_off` of the assessment.
    key : path, optional
        An SSH key (private, or public with an agent) or a minisign secret key. Its own program
        asks for the passphrase.
    today : datetime.date, optional

    Returns
    -------
    Signature

    Raises
    ------
    ConfigError
        When nobody is named as the assessor.
    SourceError
        When the assessment, the key or the program that owns the key is not there.
    OutputError
        When the program refuses to sign; then nothing is written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> sign(pathlib.Path(tempfile.mkdtemp()) / "assessment.json")
    Traceback (most recent call last):
    ...
    midi_risk.errors.SourceError: ...
    """
    file = assessment_file(path)
    document = load_assessment(file)
    given = document.sign_off
    name = assessor or (given.assessor if given else "")
    if not said(name):
        raise ConfigError(
            str(file),
            ["sign_off.assessor: nobody is named"],
            hint="Say who signs: midi-risk sign ASSESSMENT --assessor NAME",
        )
    method = _method(None if key is None else Path(key))
    made = Signature(
        assessor=name,
        role=role or (given.role if given else ""),
        organisation=organisation or (given.organisation if given else ""),
        date=(today or datetime.now(UTC).date()).isoformat(),
        statement=statement or (given.statement if given else ""),
        assessment=file_sha256(file),
        verdict=document.verdict.status,
        valid_until=document.valid_until,
        method=method,
    )
    text = made.model_dump_json(by_alias=True, indent=2) + "\n"
    signed = None if key is None else _signed(text, Path(key), method)
    write_private(file.with_name(STATEMENT), text)
    for other in (SSH_SIGNATURE, MINI_SIGNATURE):
        file.with_name(other).unlink(missing_ok=True)
    if signed is not None:
        name_of = SSH_SIGNATURE if method == "ssh" else MINI_SIGNATURE
        write_private(file.with_name(name_of), signed)
    return made


def assessment_file(path: str | Path) -> Path:
    """Return the `assessment.json` of a folder, or the file that is named."""
    named = Path(path)
    return named / "assessment.json" if named.is_dir() else named


def signature_of(path: str | Path) -> Signature | None:
    """Return the statement beside an assessment if it is about this very file; None otherwise.

    Only the digest is compared: `check_signature` verifies the signature itself.
    """
    file = assessment_file(path)
    found = _statement(file.with_name(STATEMENT))
    return found if found is not None and found.assessment == file_sha256(file) else None


def check_signature(path: str | Path, *, signers: str | Path | None = None) -> SignatureCheck:
    """Verify the signature of an assessment, and say what is not verified.

    Parameters
    ----------
    path : path
        `assessment.json`, or the folder that holds it.
    signers : path, optional
        Whom to believe: an `allowed_signers` file of OpenSSH, whose principal is the assessor's
        name or anything that the file accepts, or a public key of minisign.

    Returns
    -------
    SignatureCheck
    """
    file = assessment_file(path)
    place = file.with_name(STATEMENT)
    if not place.exists():
        return SignatureCheck(signature=None, not_verified=("nobody has signed the assessment",))
    found = _statement(place)
    if found is None:
        return SignatureCheck(signature=None, broken=(f"{STATEMENT} cannot be read",))
    who = f"{shortened(neutral(found.assessor), 80)} on {shortened(neutral(found.date), 10)}"
    if found.assessment != file_sha256(file):
        return SignatureCheck(
            signature=found, broken=(f"{who} signed another assessment: the digest differs",)
        )
    same = f"the assessment is byte for byte the one that {who} signed"
    if found.method == "statement":
        return SignatureCheck(
            signature=found,
            verified=(f"the digest in the statement of {who} is that of the assessment",),
            not_verified=(
                "who wrote the statement: it is plain text, signed with no key",
                "when it was written",
            ),
        )
    verify = _verify_ssh if found.method == "ssh" else _verify_minisign
    return verify(place, found, same, None if signers is None else Path(signers))


def keep_signed(folder: Path, kept: Path, names: Iterable[str]) -> Path | None:
    """Move a signed run out of the way of the next one, whole, and never over another.

    Parameters
    ----------
    folder : pathlib.Path
        Holds a run; nothing happens where it is not signed.
    kept : pathlib.Path
        Where signed runs are kept, each in a folder of its own.
    names : iterable of str
        Files of a run, beside those of its signature.

    Returns
    -------
    pathlib.Path or None
        Where it is now.
    """
    if not holds_signed(folder):
        return None
    found = _statement(folder / STATEMENT)
    day = day_of(found.date) if found else None
    stem = f"signed-{day or 'undated'}-{file_sha256(folder / 'assessment.json')[:12]}"
    target, number = kept / stem, 1
    while target.exists():
        number += 1
        target = kept / f"{stem}.{number}"
    target.mkdir(mode=0o700, parents=True)
    for name in dict.fromkeys((*names, *SIGNED_FILES)):
        if (folder / name).is_file():
            (folder / name).replace(target / name)
    return target


def holds_signed(folder: Path) -> bool:
    """Tell whether a folder holds a run with a statement beside it, valid or not."""
    return (folder / STATEMENT).is_file() and (folder / "assessment.json").is_file()


def _statement(place: Path) -> Signature | None:
    """Return a statement that can be read, None otherwise."""
    try:
        if place.stat().st_size > _SIZE_LIMIT:
            return None
        return Signature.model_validate_json(place.read_bytes())
    except (OSError, ValidationError):
        return None


def _method(key: Path | None) -> Literal["ssh", "minisign", "statement"]:
    """Return which program owns a key, by its first line; the rest is not looked at."""
    if key is None:
        return "statement"
    try:
        with key.open("rb") as handle:
            start = handle.read(64)
    except OSError as error:
        raise SourceError(f"the key '{key}' cannot be read: {reason_of(error)}") from None
    return "minisign" if start.startswith(b"untrusted comment:") else "ssh"


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise SourceError(
            f"the program '{name}' is not there",
            hint="Install it, or sign without --key: then the statement is plain text",
        )
    return found


def _signed(text: str, key: Path, method: str) -> str:
    """Return the detached signature of a text; the text never lies in the folder unsigned."""
    with tempfile.TemporaryDirectory(prefix="midi-risk-") as scratch:
        statement = Path(scratch) / STATEMENT
        statement.write_text(text, encoding="utf-8", newline="\n")
        if method == "ssh":
            line = [_program("ssh-keygen"), "-q", "-Y", "sign", "-n", NAMESPACE, "-f", str(key)]
            made = statement.with_name(SSH_SIGNATURE)
        else:
            made = statement.with_name(MINI_SIGNATURE)
            line = [_program("minisign"), "-S", "-q", "-s", str(key), "-x", str(made), "-m"]
        done = _run([*line, str(statement)])
        if done.returncode or not made.is_file():
            raise OutputError(
                f"'{Path(line[0]).name}' did not sign with '{key}'",
                hint="Is it the private key, or a public one whose agent runs? Its message: "
                + (_last_line(done.stderr) or "none"),
            )
        return made.read_text(encoding="utf-8")


def _verify_ssh(place: Path, found: Signature, same: str, signers: Path | None) -> SignatureCheck:
    """Ask ssh-keygen whether the signature is of the statement, and whose it is."""
    program = shutil.which("ssh-keygen")
    signature = place.with_name(SSH_SIGNATURE)
    if program is None or not signature.is_file():
        lacks = "ssh-keygen is not there" if program is None else f"{SSH_SIGNATURE} is missing"
        return _unproved(found, f"the signature: {lacks}")
    text = place.read_bytes()
    line = [program, "-Y", "check-novalidate", "-n", NAMESPACE, "-s", str(signature)]
    done = _run(line, text)
    if done.returncode:
        return SignatureCheck(
            signature=found, broken=("the SSH signature is not one of this statement",)
        )
    key = _key_in(done.stdout)
    proved = (same, f"the statement is signed by the key {key}")
    if signers is None:
        owner = f"that the key is {found.assessor}'s: give the keys you believe with --signers"
        return SignatureCheck(signature=found, verified=proved, not_verified=(owner, _WHEN))
    asked = _run([program, "-Y", "find-principals", "-f", str(signers), "-s", str(signature)], text)
    names = asked.stdout.decode("utf-8", "replace").split("\n")
    for name in filter(None, (each.strip() for each in names)):
        line = [program, "-Y", "verify", "-f", str(signers), "-I", name, "-n", NAMESPACE]
        if not _run([*line, "-s", str(signature)], text).returncode:
            owner = f"'{signers.name}' says that the key is of {shortened(neutral(name), 80)}"
            return SignatureCheck(signature=found, verified=(*proved, owner), not_verified=(_WHEN,))
    return SignatureCheck(
        signature=found, verified=proved, broken=(f"'{signers.name}' does not know the key",)
    )


def _verify_minisign(
    place: Path, found: Signature, same: str, signers: Path | None
) -> SignatureCheck:
    """Ask minisign whether the signature is of the statement, by the public key that is given."""
    program = shutil.which("minisign")
    signature = place.with_name(MINI_SIGNATURE)
    if program is None or signers is None or not signature.is_file():
        lacks = (
            "minisign is not there"
            if program is None
            else "give the public key of minisign with --signers"
            if signers is None
            else f"{MINI_SIGNATURE} is missing"
        )
        return _unproved(found, f"the signature: {lacks}")
    line = [program, "-V", "-q", "-p", str(signers), "-x", str(signature), "-m", str(place)]
    if _run(line).returncode:
        return SignatureCheck(
            signature=found, broken=("the minisign signature is not of this statement and key",)
        )
    proved = (same, f"the statement is signed by the key in '{signers.name}'")
    return SignatureCheck(signature=found, verified=proved, not_verified=(_WHEN,))


_WHEN = "when it was signed: the day is the assessor's word, no time stamp proves it"


def _unproved(found: Signature, what: str) -> SignatureCheck:
    digest = "the digest in the statement is that of the assessment"
    return SignatureCheck(
        signature=found, verified=(digest,), not_verified=(what, "who wrote the statement")
    )


def _run(line: list[str], given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run a program that owns a key; it may ask for a passphrase on the terminal."""
    try:
        return subprocess.run(  # noqa: S603 - a list, no shell; paths are the user's own
            line, input=given, capture_output=True, check=False, timeout=_PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired):
        return subprocess.CompletedProcess(line, 1, b"", b"")


def _key_in(said_of_it: bytes) -> str:
    """Return type and fingerprint of the key in the words of ssh-keygen."""
    words = said_of_it.decode("utf-8", "replace").split()
    print_of_key = next((word for word in words if word.startswith("SHA256:")), "of some kind")
    kind = words[words.index("with") + 1] if "with" in words[:-1] else ""
    return neutral(f"{kind} {print_of_key}".strip())


def _last_line(said_of_it: bytes) -> str:
    lines = said_of_it.decode("utf-8", "replace").strip().splitlines()
    return shortened(neutral(lines[-1]), 120) if lines else ""


def statement_of(document: Assessment, signature: Signature | None) -> Assessment:
    """Return an assessment whose sign-off is what was signed; the same one without a signature."""
    if signature is None:
        return document
    fields = {name: getattr(signature, name) for name in ("assessor", "role", "organisation")}
    told = {**fields, "date": signature.date, "statement": signature.statement}
    return document.model_copy(update={"sign_off": SignOff(**told)})
