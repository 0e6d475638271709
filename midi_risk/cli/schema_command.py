"""`midi-risk schema`: JSON schemas for editors and validators."""

from __future__ import annotations

import json

import click

from midi_risk.errors import ConfigError, did_you_mean

NAMES = ("assessment", "plan", "project", "threat-model")


def schema_json(name: str) -> str:
    """Return a JSON schema as text.

    Parameters
    ----------
    name : {"assessment", "plan", "project", "threat-model"}

    Raises
    ------
    ConfigError
        When there is no such schema.
    """
    if name in {"assessment", "plan"}:
        from midi_risk.report import schema_text

        return schema_text(name)
    if name == "project":
        from midi_risk.config import PROJECT_SCHEMA, Project

        schema = {"$id": PROJECT_SCHEMA, **Project.model_json_schema(by_alias=True)}
    elif name == "threat-model":
        from midi_risk.threat.model import THREAT_SCHEMA, ThreatModel

        schema = {"$id": THREAT_SCHEMA, **ThreatModel.model_json_schema(by_alias=True)}
    else:
        raise ConfigError("schema", [f"no schema '{name}'"], hint=did_you_mean(name, NAMES))
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps({**draft, **schema}, indent=2) + "\n"


@click.command("schema")
@click.argument("name", metavar="|".join(NAMES))
def command(name: str) -> None:
    """Print a JSON schema to stdout."""
    click.echo(schema_json(name), nl=False)
