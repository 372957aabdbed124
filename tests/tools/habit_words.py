"""Words and signs that people's programs write, by language: for files made up in tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    """How the files of one language look: headers, months, number signs, encodings, names."""

    code: str
    months: tuple[str, ...]
    short: tuple[str, ...]
    order: str
    separator: str
    decimal: str
    thousands: str
    signs: tuple[str, ...]
    encodings: tuple[str, ...]
    header: tuple[str, str, str]
    names: tuple[str, ...]
    total: str


def _language(code: str, *rest: str) -> Language:
    months, short, numbers, signs, encodings, header, names, total = rest
    order, separator, decimal, thousands = numbers.split()
    thousands = {"space": " ", "nbsp": "\u00a0", "thin": "\u202f"}.get(thousands, thousands)
    customer, day, amount = header.split("|")
    return Language(
        code,
        tuple(months.split()),
        tuple(short.split()),
        order,
        separator,
        decimal,
        thousands,
        tuple(signs.split()),
        tuple(encodings.split()),
        (customer, day, amount),
        tuple(names.split("|")),
        total,
    )


_ENGLISH = (
    "January February March April May June July August September October November December",
    "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
)
LANGUAGES = (
    _language(
        "en-US",
        *_ENGLISH,
        "mdy / . ,",
        "$ USD US$",
        "utf-8 cp1252",
        "Customer ID|Order Date|Total Sales",
        "Zoë|O’Neill|Anne-Marie|Smith, Jo|Bo",
        "Grand Total",
    ),
    _language(
        "en-GB",
        *_ENGLISH,
        "dmy / . ,",
        "£ GBP",
        "utf-8 cp1252",
        "Customer|Date|Amount",
        "Siân|Renée|Bo & Co|Kim",
        "Total",
    ),
    _language(
        "en-IN",
        *_ENGLISH,
        "dmy - . lakh",
        "₹ Rs. INR Rs",
        "utf-8",
        "Party Name|Invoice Date|Amount",
        "Asha|Ravi|Müller Exports",
        "Total",
    ),
    _language(
        "de",
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.",
        "dmy . , .",
        "€ EUR",
        "utf-8 cp1252 latin-1 iso8859-15",
        "Kunden-Nr.|Datum|Betrag",
        "Müller|Jäger|Groß|Ötzi|Weiß & Söhne",
        "Summe",
    ),
    _language(
        "de-CH",
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez",
        "dmy . . ’",
        "CHF Fr. SFr.",
        "utf-8 cp1252",
        "Kunde|Datum|Umsatz",
        "Zürcher|Bär|Hüsli",
        "Gesamt",
    ),
    _language(
        "fr",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
        "dmy / , thin",
        "€ EUR",
        "utf-8 cp1252 latin-1",
        "Client|Date de commande|Montant TTC",
        "Élodie|François|Noël|Chloé",
        "Total",
    ),
    _language(
        "es",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "ene feb mar abr may jun jul ago sept oct nov dic",
        "dmy / , .",
        "€ EUR",
        "utf-8 cp1252",
        "Cliente|Fecha|Importe",
        "Muñoz|Peña|José|Íñigo",
        "Total general",
    ),
    _language(
        "it",
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre "
        "dicembre",
        "gen feb mar apr mag giu lug ago set ott nov dic",
        "dmy / , .",
        "€ EUR",
        "utf-8 cp1252",
        "Cliente|Data|Importo",
        "Nicolò|Pietà|Rossi",
        "Totale",
    ),
    _language(
        "pt-BR",
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "jan. fev. mar. abr. mai. jun. jul. ago. set. out. nov. dez.",
        "dmy / , .",
        "R$ BRL",
        "utf-8 cp1252",
        "Código do cliente|Data|Valor",
        "João|Conceição|Antônio",
        "Total geral",
    ),
    _language(
        "nl",
        "januari februari maart april mei juni juli augustus september oktober november december",
        "jan feb mrt apr mei jun jul aug sep okt nov dec",
        "dmy - , .",
        "€ EUR",
        "utf-8 cp1252",
        "Klant|Datum|Bedrag",
        "Daniël|Zoë|De Vries",
        "Totaal",
    ),
    _language(
        "sv",
        "januari februari mars april maj juni juli augusti september oktober november december",
        "jan feb mars apr maj juni juli aug sep okt nov dec",
        "ymd - , nbsp",
        "kr SEK",
        "utf-8 cp1252",
        "Kund|Datum|Belopp",
        "Åsa|Örjan|Björn",
        "Summa",
    ),
    _language(
        "da",
        "januar februar marts april maj juni juli august september oktober november december",
        "jan. feb. mar. apr. maj jun. jul. aug. sep. okt. nov. dec.",
        "dmy . , .",
        "kr. DKK kr",
        "utf-8 cp1252",
        "Kunde|Dato|Beløb",
        "Søren|Ærø|Åge",
        "I alt",
    ),
    _language(
        "fi",
        "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta "
        "syyskuuta lokakuuta marraskuuta joulukuuta",
        "tammik. helmik. maalisk. huhtik. toukok. kesäk. heinäk. elok. syysk. lokak. marrask. "
        "jouluk.",
        "dmy . , nbsp",
        "€ EUR",
        "utf-8 cp1252",
        "Asiakas|Päivä|Summa (EUR)",
        "Väinö|Äijö|Mäki",
        "Yhteensä",
    ),
    _language(
        "pl",
        "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października "
        "listopada grudnia",
        "sty lut mar kwi maj cze lip sie wrz paź lis gru",
        "dmy . , nbsp",
        "zł PLN",
        "utf-8 cp1250 iso8859-2",
        "Klient|Data|Kwota",
        "Łukasz|Wałęsa|Żak|Święty",
        "Razem",
    ),
    _language(
        "cs",
        "ledna února března dubna května června července srpna září října listopadu prosince",
        "led úno bře dub kvě čvn čvc srp zář říj lis pro",
        "dmy .␣ , nbsp",
        "Kč CZK",
        "utf-8 cp1250",
        "Zákazník|Datum|Částka",
        "Dvořák|Řehoř|Čapek",
        "Celkem",
    ),
    _language(
        "hu",
        "január február március április május június július augusztus szeptember október november "
        "december",
        "jan. febr. márc. ápr. máj. jún. júl. aug. szept. okt. nov. dec.",
        "ymd .␣ , nbsp",
        "Ft HUF",
        "utf-8 cp1250",
        "Vevő|Dátum|Összeg",
        "Győző|Erdős|Nagy",
        "Összesen",
    ),
    _language(
        "ru",
        "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
        "янв. февр. мар. апр. мая июн. июл. авг. сент. окт. нояб. дек.",
        "dmy . , nbsp",
        "₽ руб. RUB р.",
        "utf-8 cp1251 koi8-r",
        "Клиент|Дата|Сумма",
        "Иванов|Анна|Щукин",
        "Итого",
    ),
    _language(
        "el",
        "Ιανουαρίου Φεβρουαρίου Μαρτίου Απριλίου Μαΐου Ιουνίου Ιουλίου Αυγούστου Σεπτεμβρίου "
        "Οκτωβρίου Νοεμβρίου Δεκεμβρίου",
        "Ιαν Φεβ Μαρ Απρ Μαΐ Ιουν Ιουλ Αυγ Σεπ Οκτ Νοε Δεκ",
        "dmy / , .",
        "€ EUR",
        "utf-8 cp1253",
        "Πελάτης|Ημερομηνία|Ποσό",
        "Ελένη|Γιώργος|Σοφία",
        "Σύνολο",
    ),
    _language(
        "tr",
        "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
        "Oca Şub Mar Nis May Haz Tem Ağu Eyl Eki Kas Ara",
        "dmy . , .",
        "₺ TL TRY",
        "utf-8 cp1254",
        "Müşteri|Tarih|Tutar",
        "Işık|Çağla|Şule|İnci",
        "Toplam",
    ),
    _language(
        "ja",
        " ".join(f"{n}月" for n in range(1, 13)),
        " ".join(f"{n}月" for n in range(1, 13)),
        "ymd / . ,",
        "¥ 円 JPY ￥",
        "utf-8 cp932 euc_jp",
        "顧客|日付|金額",
        "田中|鈴木|さくら",
        "合計",
    ),
    _language(
        "zh",
        " ".join(f"{n}月" for n in range(1, 13)),
        " ".join(f"{n}月" for n in range(1, 13)),
        "ymd - . ,",
        "¥ 元 CNY RMB",
        "utf-8 gbk",
        "客户|日期|金额",
        "王伟|李娜|张敏",
        "总计",
    ),
)
SYSTEMS = (
    ("Email", "Created at", "Total"),  # Shopify
    ("Customer Username", "Order Date", "Order Total Amount"),  # WooCommerce
    ("Customer ID", "Created (UTC)", "Amount"),  # Stripe
    ("Bill-to Name", "Purchase Date", "Grand Total (Purchased)"),  # Magento
    ("Customer ID", "Date", "Gross Sales"),  # Square
    ("From Email Address", "Date", "Gross"),  # PayPal
    ("buyer-email", "purchase-date", "item-price"),  # Amazon
    ("Customers › Handle", "Invoices › Issued on", "Invoices › Total"),  # Chargebee
    ("account_code", "invoice_date", "line_item_total"),  # Recurly
    ("Account Name", "Close Date", "Amount"),  # Salesforce
    ("*ContactName", "*InvoiceDate", "Total"),  # Xero
    ("Zahlungspflichtiger", "Buchungstag", "Betrag"),  # a bank statement
)
"""Columns of who, when and how much in what known systems export."""

TEXTS = ("", "ok", "gift; wrap", "a,b", 'said "hi"', "two\nlines", "tab\there", "-", "n/a", "5,0")
"""What stands in columns of notes."""
