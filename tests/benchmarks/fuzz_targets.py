"""What the fuzzer feeds, by name.

Whatever the input, the only outcomes allowed are an answer and a `RetentionError` (of the command
line's config: a `UsageError`).
"""

from __future__ import annotations

from fuzz_files import (
    CONTRACTS,
    CSV,
    CSV_OPTIONS,
    JSON,
    checked,
    packed,
    raw,
    read_agreements,
    read_orders,
    suffixed,
)
from fuzz_pieces import Target
from fuzz_tables import dated, tables, through_door
from fuzz_words import (
    CONFIG,
    LEXICON,
    NOTES,
    PHRASES,
    additions,
    compiled,
    configured,
    extended,
    loaded,
    struck,
    tagged,
    toml,
)
from hypothesis import strategies as st

TARGETS = {
    "csv": raw(CSV, CSV_OPTIONS),
    "csv to transactions": checked(CSV, read_orders, CSV_OPTIONS),
    "csv to contracts": checked(CONTRACTS, read_agreements, CSV_OPTIONS),
    "parquet": checked(suffixed(".parquet"), read_orders),
    "excel": checked(suffixed(".xlsx"), read_orders),
    "json lines": raw(packed(JSON, ".jsonl")),
    "json to transactions": checked(packed(JSON, ".jsonl"), read_orders),
    "tables": Target(tables(), through_door),
    "dates": Target(dated(), through_door),
    "phrases": Target(PHRASES, compiled),
    "phrases of users": Target(additions(), extended),
    "lexicon files": Target(toml(LEXICON), loaded),
    "notes": Target(st.lists(st.one_of(st.none(), NOTES), max_size=4), tagged),
    "notes struck": Target(st.lists(st.one_of(st.none(), NOTES), max_size=4), struck),
    "config files": Target(toml(CONFIG), configured),
}
"""What is fed, by name."""
