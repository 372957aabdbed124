"""The door for order files: any supported table in, checked transactions out, or one refusal."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Literal

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import RetentionError, one_of
from retention.frames import Frame, in_kind_of
from retention.loading import amounts, dates, ids, repeats, shapes, zones
from retention.loading.audits import Audit, audited
from retention.loading.checks import REASON, Check, Output, Reading, accepted
from retention.loading.columns import Source, opened
from retention.loading.text import OURS, Written, signs
from retention.tables import TRANSACTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date as Date

    from narwhals.stable.v2.typing import IntoFrameT
