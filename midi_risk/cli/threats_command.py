"""`midi-risk threats`: the library of threat models."""

from __future__ import annotations

import click

from midi_risk.errors import MidiRiskError


@click.group("threats")
def command() -> None:
    """List, show and validate threat models."""


@command.command("list")
def list_models() -> None:
    """List the threat models that ship."""
    from midi_risk.config import read_yaml, validated
    from midi_risk.errors import ThreatModelError
    from midi_risk.threat.library import shipped_threat_models, threat_model_path
    from midi_risk.threat.model import ThreatModel

    for name in shipped_threat_models():
        data = read_yaml(threat_model_path(name), what="threat model")
        model = validated(ThreatModel, data, name, error=ThreatModelError)
        threshold = model.threshold
        click.echo(
            f"{name:<24} {model.release:<12} k {threshold.k:<3} {threshold.statistic:<15}"
            f" {model.title}"
        )


@command.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Print the YAML of a threat model, to copy and change."""
    from midi_risk.threat.library import threat_model_path

    click.echo(threat_model_path(name).read_text(encoding="utf-8"), nl=False)


@command.command("validate")
@click.argument("files", nargs=-1, required=True, metavar="NAME|FILE...")
def validate(files: tuple[str, ...]) -> int:
    """Check threat models and list every fault."""
    from midi_risk.config import read_yaml, validated
    from midi_risk.errors import ThreatModelError
    from midi_risk.threat.library import check_explained, threat_model_path
    from midi_risk.threat.model import ThreatModel

    code = 0
    for name in files:
        try:
            path = threat_model_path(name)
            data = read_yaml(path, what="threat model", error=ThreatModelError)
            check_explained(validated(ThreatModel, data, str(path), error=ThreatModelError))
        except MidiRiskError as error:
            click.echo(f"midi-risk: {error}", err=True)
            code = error.exit_code
        else:
            click.echo(f"{name}: valid")
    return code
