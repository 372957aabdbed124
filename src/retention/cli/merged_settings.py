"""The settings of a run: those of its options, else those of its config file."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from retention.cli.settings import Settings, UsageError
from retention.cli.typed_values import demand_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def merged_settings(config: Path | None, options: Mapping[str, Any]) -> Settings:
    """The config file's settings, with those of the options in their place where both say one.

    Args:
        config: a TOML file, or None.
        options: settings by dotted name, such as "columns.date".

    Raises:
        UsageError: if the file is no TOML, or a setting is unknown or none of its values.
    """
    told = {} if config is None else _tables_of_toml(config)
    for name, value in options.items():
        section, _, key = name.rpartition(".")
        place = told.setdefault(section, {}) if section else told
        if isinstance(place, dict):
            place[key] = value
    try:
        return Settings.model_validate(told)
    except ValidationError as error:
        raise UsageError(_errors_in_words(error, config, options)) from None


def _tables_of_toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise UsageError(f"--config {path}: {error.strerror or error}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"--config {path} is no TOML: {error}.") from None


def _errors_in_words(
    error: ValidationError, config: Path | None, options: Mapping[str, Any]
) -> str:
    """Each wrong setting by the name under which it was said."""
    lines = []
    for wrong in error.errors():
        names = [str(part) for part in wrong["loc"] if not isinstance(part, int)]
        said = _option_among(names, options) or f"{config}: {'.'.join(names)}"
        if wrong["type"] == "extra_forbidden":
            lines.append(f"{said} is no setting.{_nearest_setting(names)}")
        else:
            lines.append(
                f"{said}: {demand_in_words(wrong['type'], wrong['msg'])}; got {wrong['input']!r}."
            )
    return "\n".join(lines)


def _option_among(names: list[str], options: Mapping[str, Any]) -> str | None:
    """The option with which a setting was typed, whole or one of its parts, if it was."""
    typed = [n for n in range(1, len(names) + 1) if ".".join(names[:n]) in options]
    return f"--{names[typed[0] - 1].replace('_', '-')}" if typed else None


def _nearest_setting(names: list[str]) -> str:
    """The setting most like an unknown one, of all sections."""
    known = {name: name for name in Settings.model_fields}
    for section, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            known |= {name: f"{name} in [{section}]" for name in kind.model_fields}
    found = get_close_matches(names[-1], list(known), n=1)
    return f" Did you mean {known[found[0]]}?" if found else ""
