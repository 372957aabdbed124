"""A public name of the library, wherever it stands."""

from __future__ import annotations

from typing import Any

import retention


def public(name: str) -> Any:
    """What has this name on top or in one of the modules.

    Raises:
        AttributeError: if nothing has.
    """
    faces = [retention, *(getattr(retention, module) for module in retention._MODULES)]
    for face in faces:
        if name in face.__all__:
            return getattr(face, name)
    raise AttributeError(name)
