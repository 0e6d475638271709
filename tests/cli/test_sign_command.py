"""Signing an assessment: what is bound, what check verifies, and what it says it does not."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from midi_risk.cli.app import run
from midi_risk.document.signature import (
    SSH_SIGNATURE,
    STATEMENT,
    check_signature,
    sign,
    signature_of,
)

NEEDS_SSH = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not here")


@pytest.fixture(scope="module")
def assessed(tmp_path_factory):
    """Assess a small table once."""
    base = tmp_path_factory.mktemp("signed")
    table = base / "people.csv"
    lines = [f"P{i:03d},{30 + i % 3},{'MF'[i % 2]}" for i in range(60)]
    table.write_text("\n".join(["patient_id,age,sex", *lines]) + "\n", encoding="utf-8")
    run(["assess", str(table), "-o", str(base / "out"), "-q", "--budget", "2s"])
    return base


@pytest.fixture
def out(assessed, tmp_path):
    """Return a copy of the results that a test may change."""
    return shutil.copytree(assessed / "out", tmp_path / "out")


@pytest.fixture
def key(tmp_path):
    """Make an SSH key without a passphrase."""
    path = tmp_path / "id"
    line = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)]
    subprocess.run(line, check=True)
    return path


def test_without_a_key_the_statement_is_plain_and_says_so(out, capsys):
    assert run(["sign", str(out), "--assessor", "A. Reader", "-q"]) == 0
    assert "no key signed it" in capsys.readouterr().out
    found = check_signature(out)
    assert not found.broken
    assert any("signed with no key" in line for line in found.not_verified)
    assert "no key signed it" in (out / "certificate.html").read_text("utf-8")


def test_nobody_signs_without_a_name(out, capsys):
    for name in ([], ["--assessor", " . "]):
        assert run(["sign", str(out), *name, "-q"]) == 2
        assert "nobody is named" in capsys.readouterr().err
    assert not (out / STATEMENT).exists()


@NEEDS_SSH
def test_an_ssh_key_binds_assessor_day_and_digest(out, key, tmp_path, capsys):
    made = sign(out, assessor="A. Reader", key=key)
    assert (made.method, signature_of(out)) == ("ssh", made)
    found = check_signature(out)
    assert any("signed by the key" in line for line in found.verified)
    assert any("--signers" in line for line in found.not_verified)
    signers = tmp_path / "signers"
    public = key.with_suffix(".pub").read_text("utf-8")
    signers.write_text(f"reader@clinic.example {public}", encoding="utf-8")
    known = check_signature(out, signers=signers)
    assert any("reader@clinic.example" in line for line in known.verified)
    code = run(["check", str(out), "--signers", str(signers), "-q"])
    told = capsys.readouterr().out
    assert code == 4
    assert "verified: the assessment is byte for byte" in told
    assert "not verified: that collection and project" in told


@NEEDS_SSH
@pytest.mark.parametrize("what", ["assessment", "statement", "other key"])
def test_what_was_changed_after_signing_is_found(out, key, tmp_path, capsys, what):
    sign(out, assessor="A. Reader", key=key)
    signers = []
    if what == "assessment":
        place = out / "assessment.json"
        place.write_text(place.read_text("utf-8") + "\n", encoding="utf-8")
    elif what == "statement":
        place = out / STATEMENT
        told = json.loads(place.read_text("utf-8")) | {"assessor": "Somebody else"}
        place.write_text(json.dumps(told), encoding="utf-8")
    else:
        (tmp_path / "signers").write_text("a@b.example ssh-ed25519 AAAA\n", encoding="utf-8")
        signers = ["--signers", str(tmp_path / "signers")]
    assert run(["check", str(out), *signers, "-q"]) == 5
    assert "the signature does not hold" in capsys.readouterr().err


@NEEDS_SSH
def test_a_key_that_does_not_sign_leaves_nothing_behind(out, tmp_path, capsys):
    broken = tmp_path / "no-key"
    broken.write_text("this is no key", encoding="utf-8")
    assert run(["sign", str(out), "--assessor", "A. Reader", "--key", str(broken), "-q"]) == 2
    assert "did not sign" in capsys.readouterr().err
    assert not (out / STATEMENT).exists()
    assert not (out / SSH_SIGNATURE).exists()


def test_previous_keeps_every_run_that_was_signed(assessed, out, capsys):
    table = str(assessed / "people.csv")
    signed = []
    for _ in range(2):
        signed.append(sign(out, assessor="A. Reader").assessment)
        run(["assess", table, "-o", str(out), "-q", "--budget", "2s"])
    run(["assess", table, "-o", str(out), "-q", "--budget", "2s"])
    kept = sorted((out / "previous").glob("signed-*"))
    assert {signature_of(folder).assessment for folder in kept} == set(signed)
    assert not (out / STATEMENT).exists()
    assert "a signed run is kept" in capsys.readouterr().err


def test_check_without_a_signature_says_that_nobody_signed(out, capsys):
    assert run(["check", str(out), "-q"]) == 4
    assert "not verified: nobody has signed" in capsys.readouterr().out
