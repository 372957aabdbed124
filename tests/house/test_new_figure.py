"""What a new figure costs: four places, and everything else knows of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

FUNCTION = '''

@gives(
    "segment and base period",
    times("period"),
    whole_numbers("step", "n_base", "n_missed"),
    shares("missed_share"),
    constants(whole_numbers("lag")),
)
def missed_customers(
    activity: IntoFrameT, *, by: str | Sequence[str] = (), lag: int = 1
) -> IntoFrameT:
    """Of the customers of a period, the share that is missed later.

    Returns:
        One row per segment and base period: the `by` columns, `period`, `step`, `n_base`,
        `n_missed`, `missed_share` and the constant `lag`.

    Raises:
        ContentError: as `retention_rate`.

    Example:
        Bob does not come back.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Ann"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-02-29"]), "sales": 1.0,
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> float(rt.kpis.missed_customers(activity)["missed_share"][0])
        0.5
    """
    cells = count_cells(activity, Asked(by, lag, "firm", 0.95), {})
    n, kept = cells.sums["n_base"], cells.sums["n_retained"]
    table = {**cells.keys, "n_base": n, "n_missed": n - kept}
    table |= {"missed_share": intervals.ratio(n - kept, n), "lag": cells.constant(lag)}
    return table_like(table, activity)
'''

FIGURE = """    Figure(
        name="missed_share",
        label="Share of customers missed",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula="1 − |R| / |B|",
        made_by="missed_customers",
        conventions=("lag",),
        source="an example",
    ),
"""

TWIN = """
import retention as rt

orders = rt.sample_company(200, seed=1).orders
activity = rt.customer_periods(orders, freq="month", as_of="2024-12-31")
bought = {}
for who, month, active in activity[["customer_id", "step", "active"]].itertuples(index=False):
    if active:
        bought.setdefault(month, set()).add(who)
for row in rt.kpis.missed_customers(activity).itertuples():
    missed = bought[row.step] - bought[row.step + 1]
    assert row.n_missed == len(missed)
    assert row.missed_share == len(missed) / len(bought[row.step])
"""

EDITS = {
    "src/retention/kpis/outcome/rates.py": [("", FUNCTION)],
    "src/retention/catalogue/outcome_figures.py": [
        ("OUTCOME_FIGURES: tuple[Figure, ...] = (\n", FIGURE)
    ],
    "src/retention/kpis/__init__.py": [
        ("    from retention.kpis.outcome.rates import churn_by as churn_by\n",
         "    from retention.kpis.outcome.rates import missed_customers as missed_customers\n"),
        ("_HOMES = {\n", '    "missed_customers": "outcome.rates",\n'),
    ],
    "tests/test_missed_customers.py": [("", TWIN)],
}  # fmt: skip
"""A file, and what is put behind a line of it; at its end where none is said."""

KNOWN = """
import doctest
import retention as rt
from retention.kpis.outcome import rates
from retention.tables.answer_columns import unit_of

tests = doctest.DocTestFinder(recurse=False).find(rates.missed_customers, globs={})
runner = doctest.DocTestRunner()
assert all(runner.run(test).failed == 0 for test in tests) and runner.tries > 3
assert "missed_customers" in dir(rt.kpis)
orders = rt.sample_company(50, seed=1).orders.assign(missed_share="x")
activity = rt.customer_periods(orders, freq="month", as_of="2024-12-31", by="missed_share")
try:
    rt.kpis.missed_customers(activity, by="missed_share")
    raise SystemExit("a segment may be named like the figure")
except rt.ColumnError as refused:
    assert "is a name that answers use themselves" in str(refused)
answer = rt.kpis.missed_customers(activity)
shown = rt.plots.to_style(answer).to_html()
assert "Share of customers missed" in shown and "%" in shown
assert unit_of("missed_share", answer.columns) == "share of 1"
assert rt.catalogue.figure("missed_share").made_by == "missed_customers"
assert rt.findings.has_changed(answer, figure="missed_share")["verdict"].eq("unknown").all()
assert rt.recording.recorded(rt.kpis.missed_customers, activity)

import re

import written

page = open("kpis.md").read()
mark = re.search(r"\\{\\{ more (\\w+) \\}\\}", page)
assert written.more(page, mark).endswith("::: retention.kpis.missed_customers")
assert "`missed_customers`" in written.index() and "`missed_share`" in written.figures()
told = rates.missed_customers.__doc__.replace("\\n    ", "\\n")
told = written.with_columns(told, "retention.kpis.outcome.rates.missed_customers")
assert "| `missed_share` | number | share of 1 |" in told
"""


def test_a_new_figure_costs_four_edits(tmp_path):
    """The function with its example, its line in the catalogue, its face, its twin."""
    assert len(EDITS) == 4
    for folder in ("src", "docs"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*.pyc"))
    (tmp_path / "tests").mkdir()
    for name, edits in EDITS.items():
        file = tmp_path / name
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        for line, new in edits:
            assert line in text
            text = text.replace(line, line + new, 1) if line else text + new
        file.write_text(text, encoding="utf-8")
    (tmp_path / "known.py").write_text(KNOWN, encoding="utf-8")
    paths = {"PYTHONPATH": f"{tmp_path / 'src'}:{tmp_path / 'docs'}"}
    for script in ("known.py", "tests/test_missed_customers.py"):
        ran = subprocess.run(
            [sys.executable, "-W", "ignore", str(tmp_path / script)],
            cwd=tmp_path / "docs" / "reference", env=paths, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
