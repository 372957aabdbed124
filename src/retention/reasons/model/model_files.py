"""A model in a folder: words as JSON, numbers beside them, and sums that tell damage."""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from retention.errors import ReadError, RetentionError
from retention.reasons.lexicon.lexicon import Entry, Lexicon, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

FORMAT, VERSION = "retention reason model", 1
TOLD, NUMBERS = "model.json", "weights.npz"


def write_folder(
    folder: str | Path, told: Mapping[str, Any], numbers: Mapping[str, NDArray[np.float64]]
) -> None:
    """Write both files; the folder is made where there is none.

    Raises:
        RetentionError: if it is a file, or cannot be written.
    """
    path = Path(folder)
    packed, arrays = BytesIO(), dict[str, Any](numbers)
    np.savez_compressed(packed, **arrays)
    weights = packed.getvalue()
    body = json.dumps(told, allow_nan=False)
    head = {
        "format": FORMAT,
        "version": VERSION,
        "model_sha256": _checksum(body.encode()),
        "weights_sha256": _checksum(weights),
    }
    try:
        path.mkdir(parents=True, exist_ok=True)
        (path / NUMBERS).write_bytes(weights)
        (path / TOLD).write_text(
            json.dumps({**head, "model": json.loads(body)}, indent=1), encoding="utf-8"
        )
    except OSError as problem:
        raise RetentionError(f"folder: {path} cannot be written: {problem.strerror}.") from None


def read_folder(folder: str | Path) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
    """What `write_folder` wrote.

    Raises:
        ReadError: if a file is missing, of something else, of a later version, or damaged.
    """
    path = Path(folder)
    told, weights = (_bytes_of_file(path, name) for name in (TOLD, NUMBERS))
    head = _head_of_model(path / TOLD, told)
    damaged = f"{path}: {{}} was changed or cut short since it was saved. Save the model again."
    if head.get("model_sha256") != _checksum(json.dumps(head.get("model")).encode()):
        raise ReadError(damaged.format(TOLD))
    if head.get("weights_sha256") != _checksum(weights):
        raise ReadError(damaged.format(NUMBERS))
    try:
        with np.load(BytesIO(weights), allow_pickle=False) as packed:
            numbers = {name: packed[name] for name in packed.files}
    except (ValueError, OSError, BadZipFile):
        raise ReadError(damaged.format(NUMBERS)) from None
    return head["model"], numbers


def lexicon_as_json(lexicon: Lexicon | None) -> dict[str, Any] | None:
    """A lexicon as JSON holds it."""
    return None if lexicon is None else asdict(lexicon)


def lexicon_from_json(told: dict[str, Any] | None) -> Lexicon | None:
    """The lexicon again."""
    if told is None:
        return None
    whole: dict[str, Any] = {
        name: tuple(v) if isinstance(v, list) else v for name, v in told.items()
    }
    whole["expand"] = tuple((word, meant) for word, meant in told["expand"])
    whole["lists"] = tuple((name, tuple(words)) for name, words in told["lists"])
    whole["entries"] = tuple(Entry(**entry) for entry in told["entries"])
    whole["rules"] = tuple(Rule(**{**r, "others": tuple(r["others"])}) for r in told["rules"])
    return Lexicon(**whole)


def _bytes_of_file(path: Path, name: str) -> bytes:
    try:
        return (path / name).read_bytes()
    except OSError:
        raise ReadError(
            f"{path} holds no {name}: give the folder that a model was saved in ({TOLD} and "
            f"{NUMBERS})."
        ) from None


def _head_of_model(path: Path, told: bytes) -> dict[str, Any]:
    try:
        head = json.loads(told)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        raise ReadError(f"{path} is no JSON file, or was cut short.") from None
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise ReadError(f"{path} is not of a model of reasons: its format is not {FORMAT!r}.")
    if head.get("version") != VERSION:
        raise ReadError(
            f"{path} is of version {head.get('version')!r}; this library reads version {VERSION}. "
            "Fit the model again, or take the library that saved it."
        )
    return head


def _checksum(content: bytes) -> str:
    return sha256(content).hexdigest()
