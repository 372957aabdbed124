"""How programs and people write a moment: each writer says the text, and the day that is meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from retention.loading.dates import month_names

if TYPE_CHECKING:
    from habit_files import Made
    from habit_words import Language

NO_DATES = (
    "",
    "\\N",
    "-",
    "0000-00-00",
    "00.00.0000",
    "NULL",
    "n/a",
    "0000-00-00 00:00:00",
    "–",
    " ",
)
Writer = Callable[[datetime], tuple[str, str]]
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def date_writer(draw: Random, made: Made, language: Language) -> tuple[Writer, str | None]:
    """A way of writing dates, and the zone in whose days they count, where it has to be said."""
    if made.plain:
        return lambda when: (f"{when:%Y-%m-%d}", f"{when:%Y-%m-%d}"), None
    kinds = {
        _numeric: 10,
        _named: 5,
        _zoned: 2,
        _moved: 1,
        _counted: 2,
        _coarse: 2,
        _machine: 2,
        _mixed: 1,
        _of_other_calendar: 0.5,
        _local: 4,
    }
    (kind,) = draw.choices(list(kinds), list(kinds.values()))
    return kind(draw, made, language)


def _clock(draw: Random, made: Made) -> tuple[Callable[[datetime], str], str]:
    """What follows the day, and the same as a format."""
    clock = draw.choice(
        (
            "",
            "",
            "",
            " %H:%M",
            " %H:%M:%S",
            "T%H:%M:%S",
            " %I:%M %p",
            " %I:%M:%S %p",
            ", %H:%M",
            "h",
        )
    )
    if clock == "h":
        made.has("clock: hours without nought")
        return lambda w: f" {w.hour}:{w.minute:02}", " %H:%M"
    if clock:
        made.has(f"clock:{clock}")
    small = draw.random() < 0.3
    return (
        lambda w: w.strftime(clock).lower() if small and "p" in clock else w.strftime(clock),
        clock,
    )


def _numeric(draw: Random, made: Made, language: Language) -> tuple[Writer, None]:
    order, separator = language.order, language.separator
    if draw.random() < 0.4:
        order, separator = draw.choice(("ymd", "dmy", "mdy")), draw.choice("-/.")
    if separator == "␣":
        separator = "."
    spaced = separator == ".␣"
    separator = ". " if spaced else separator
    year = "%y" if draw.random() < 0.2 else "%Y"
    padded = draw.random() < 0.7
    clock, clock_format = _clock(draw, made)
    parts = {"y": year, "m": "%m", "d": "%d"}
    date_format = separator.join(parts[part] for part in order)
    made.has(
        f"dates {date_format}{'' if padded else ' without noughts'}",
        date_format=date_format + clock_format,
    )
    if order != "ymd":
        made.meant["day_first"] = order == "dmy"
    last = "." if spaced and order == "ymd" and draw.random() < 0.5 else ""
    if last:
        made.meant["date_format"] = date_format + "." + clock_format

    def write(when: datetime) -> tuple[str, str]:
        shown = {"y": when.strftime(year), "m": f"{when.month}", "d": f"{when.day}"}
        if padded:
            shown |= {"m": f"{when.month:02}", "d": f"{when.day:02}"}
        text = separator.join(shown[part] for part in order) + last
        return text + clock(when), f"{when:%Y-%m-%d}"

    return write, None


def _named(draw: Random, made: Made, language: Language) -> tuple[Writer, None]:
    months = draw.choice((language.months, language.short))
    year = "%y" if draw.random() < 0.1 else "%Y"
    form = draw.choice(
        (
            *("{d} {m} {y}", "{d}. {m} {y}", "{d:02}-{m}-{y}", "{m} {d}, {y}", "{m} {d} {y}"),
            *("{d} de {m} de {y}", "{y} {m} {d}", "{w}, {d:02} {m} {y}", "{d}{th} {m} {y}"),
        )
    )
    cased = draw.choice((str, str, str.upper, str.lower, str.title))
    clock, clock_format = _clock(draw, made)
    made.has(f"dates {form} in {language.code} ({months[0]}), year {year}")
    if language.code.startswith("en") and "{w}" not in form and "th" not in form:
        plain = form.replace("{d:02}", "%d").replace("{d}", "%d").replace("{m}", "%b")
        made.meant["date_format"] = plain.replace("{y}", year) + clock_format

    def write(when: datetime) -> tuple[str, str]:
        day = when.day
        th = {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th") if day not in (11, 12, 13) else "th"
        month = cased(months[when.month - 1])
        text = form.format(
            d=day, m=month, y=when.strftime(year), th=th, w=_WEEKDAYS[when.weekday()]
        )
        return text + clock(when), f"{when:%Y-%m-%d}"

    return write, None


def _zoned(draw: Random, made: Made, language: Language) -> tuple[Writer, None]:
    """Times with their offset: whose days are meant has to be said."""
    days_of = draw.choice(("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"))
    clock_of = draw.choice(("UTC", days_of))
    end = draw.choice(("%z", "%z", "Z", " UTC", "+hh:mm"))
    clock_of = "UTC" if end in ("Z", " UTC") else clock_of
    start = draw.choice(("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M:%S "))
    made.has(f"times {start}{end}", tz=days_of, day_first=True)

    def write(when: datetime) -> tuple[str, str]:
        at = when.replace(tzinfo=UTC)
        shown = at.astimezone(ZoneInfo(clock_of))
        offset = shown.strftime("%z")
        tail = {"%z": offset, "+hh:mm": f"{offset[:3]}:{offset[3:]}"}.get(end, end)
        return shown.strftime(start) + tail, f"{at.astimezone(ZoneInfo(days_of)):%Y-%m-%d}"

    return write, None


def _moved(draw: Random, made: Made, language: Language) -> tuple[Writer, str]:
    """Times without an offset that are in UTC, while days of another place are asked for."""
    zone = draw.choice(("Europe/Berlin", "America/New_York", "Asia/Kolkata"))
    form = draw.choice(("%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M:%S %p"))
    made.has(f"times {form} in UTC", from_tz="UTC", day_first=form.startswith("%d"))

    def write(when: datetime) -> tuple[str, str]:
        when = when.replace(second=0) if "%S" not in form else when
        at = when.replace(tzinfo=UTC)
        return when.strftime(form), f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d}"

    return write, zone


def _counted(draw: Random, made: Made, language: Language) -> tuple[Writer, None]:
    """Days of a spreadsheet, or time since 1970."""
    unit, text = draw.choice(
        (
            *(("excel", "{:.0f}"), ("excel", "{:.5f}"), ("excel", "{:.0f}.0")),
            *(("epoch_s", "{:.0f}"), ("epoch_ms", "{:.0f}"), ("epoch_us", "{:.0f}")),
            *(("epoch_s", "{:.3f}"), ("epoch_ns", "{:.0f}"), ("epoch_s", "{:.0f}.0")),
        )
    )
    made.has(f"dates {unit} {text}", date_format=unit)
    scale = {"epoch_s": 1, "epoch_ms": 1000, "epoch_us": 10**6, "epoch_ns": 10**9}

    def write(when: datetime) -> tuple[str, str]:
        seconds = round((when - datetime(1970, 1, 1)).total_seconds())
        if unit == "excel":
            days, rest = divmod(seconds, 86_400)
            number: float = days + 25_569 + (rest / 86_400 if "5f" in text else 0)
            return text.format(number), f"{when:%Y-%m-%d}"
        whole = seconds * scale[unit]
        return (f"{whole}" if text == "{:.0f}" else text.format(whole)), f"{when:%Y-%m-%d}"

    return write, None


def _of_other_calendar(draw: Random, made: Made, language: Language) -> tuple[Writer, None]:
    """Days with the year of the Buddhist or Persian calendar, in the order of ours."""
    name, years = draw.choice((("Buddhist", 543), ("Persian", -621)))
    form = draw.choice(("{y}-{m:02}-{d:02}", "{d:02}/{m:02}/{y}"))
    made.has(f"years of the {name} calendar {form}", day_first=True)

    def write(when: datetime) -> tuple[str, str]:
        shown = form.format(y=when.year + years, m=when.month, d=when.day)
        return shown, f"{when:%Y-%m-%d}"

    return write, None


def _coarse(draw: Random, made: Made, language: Language) -> tuple[Writer, None]:
    """Months and quarters: their first day."""
    form = draw.choice(
        (
            "%Y-%m",
            "%m/%Y",
            "%Y%m",
            "%b %Y",
            "%B %Y",
            "%Y/%m",
            "%m.%Y",
            "%b-%y",
            "q",
            "%Y %b",
            "%m-%Y",
        )
    )
    made.has(f"months {form}")
    if form != "q":
        made.meant["date_format"] = form

    def write(when: datetime) -> tuple[str, str]:
        if form == "q":
            quarter = (when.month + 2) // 3
            return f"{when.year}-Q{quarter}", f"{when.year}-{quarter * 3 - 2:02}-01"
        return when.strftime(form), f"{when:%Y-%m}-01"

    return write, None


def _machine(draw: Random, made: Made, language: Language) -> tuple[Writer, None]:
    form = draw.choice(
        (
            *(
                "%Y%m%d",
                "%Y%m%d %H:%M:%S",
                "%Y%m%d%H%M%S",
                "%Y-%m-%d %H:%M:%S.000",
                "%Y%m%dT%H%M%S",
            ),
            *("%Y-%m-%dT%H:%M", "%d%m%Y", "%y%m%d", "%d%b%Y", "%Y-%m-%d %H:%M:%S,123", "%d%b%y"),
            *("%Y-%j", "%G-W%V-%u", "%Y-%m-%d-%H.%M.%S", "%a %b %d %H:%M:%S %Y", "%Y:%m:%d"),
        )
    )
    known = "%j" not in form and "%V" not in form
    made.has(f"dates {form}", **({"date_format": form} if known else {}))
    return lambda when: (when.strftime(form), f"{when:%Y-%m-%d}"), None


def _mixed(draw: Random, made: Made, language: Language) -> tuple[Writer, None]:
    """Two ways in one column that do not contradict each other."""
    first, second = draw.sample(
        (
            "%Y-%m-%d",
            "%d.%m.%Y",
            "%d %b %Y",
            "%Y-%m-%d %H:%M:%S",
            "%Y%m%d",
            "excel",
            "%Y-%m-%dT%H:%M",
        ),
        2,
    )
    made.has(f"dates {first} or {second}", day_first=True)
    if "excel" in (first, second):
        made.meant["date_format"] = "excel"

    def write(when: datetime) -> tuple[str, str]:
        form = draw.choice((first, second))
        if form == "excel":
            return f"{(when - datetime(1899, 12, 30)).days}", f"{when:%Y-%m-%d}"
        return when.strftime(form), f"{when:%Y-%m-%d}"

    return write, None


def _local(draw: Random, made: Made, language: Language) -> tuple[Writer, None]:
    """As Unicode's CLDR writes dates in one of its languages, where Babel is there to tell."""
    if not made.cldr:
        return _named(draw, made, language)
    try:
        from babel import Locale, dates  # type: ignore[import-not-found, unused-ignore]
        from babel.localedata import locale_identifiers  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return _named(draw, made, language)
    locale = draw.choice(sorted(locale_identifiers()))
    width = draw.choice(("short", "medium", "medium", "long", "full"))
    timed = draw.choice((None, None, "short", "medium"))
    if _names_months_as_others_do_others(Locale.parse(locale)):
        width = "short"  # "Jan 5" is June 5 in Sesotho: alone in a file, nobody can tell
    pattern = Locale.parse(locale).date_formats[width].pattern
    made.has(f"dates of {locale}, {width}, {timed}: {pattern}")
    if "d" in pattern and "M" in pattern:
        made.meant["day_first"] = pattern.index("d") < pattern.index("M")

    def write(when: datetime) -> tuple[str, str]:
        if timed is None:
            text = dates.format_date(when.date(), width, locale=locale)
        else:
            day = dates.format_date(when.date(), width, locale=locale)
            text = f"{day} {dates.format_time(when.time(), timed, locale=locale)}"
        return text, f"{when:%Y-%m-%d}"

    return write, None


def _names_months_as_others_do_others(locale: Any) -> bool:
    """Whether a word for a month means another month in a language that more people write."""
    return any(
        language.months.get(word, n) != n
        for n, word in _words_for_months(locale)
        for language in month_names._tiers()[0]
    )


def _words_for_months(locale: Any) -> Iterator[tuple[int, str]]:
    for width in ("abbreviated", "wide"):
        for n, name in locale.months["format"][width].items():
            yield n, month_names._letters_alone(str(name))
