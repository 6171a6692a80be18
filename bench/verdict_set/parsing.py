"""Parsing text with the standard library."""
# pyright: reportImplicitOverride=false

from __future__ import annotations

import ast
import configparser
import csv
import email
import io
import json
import re
import tokenize
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

from verdict_set.cases import case

ROWS = [{"id": i, "name": f"item {i}", "price": i * 1.25, "tags": ["a", "b"]} for i in range(4_000)]
JSON = json.dumps(ROWS)
CSV = "\n".join(f"{i},item {i},{i * 1.25},2026-11-{i % 28 + 1:02}" for i in range(8_000))
XML = (
    "<items>" + "".join(f'<item id="{i}"><n>item {i}</n></item>' for i in range(6_000)) + "</items>"
)
HTML = (
    "<ul>"
    + "".join(f'<li class="c"><a href="/i/{i}">item {i}</a></li>' for i in range(900))
    + "</ul>"
)
LOG = "\n".join(
    f"2026-11-23T10:{i % 60:02} 10.0.{i % 256}.7 GET /items/{i} 200" for i in range(4_000)
)
SOURCE = "\n".join(f"def f{i}(a, b=1):\n    return [a + {i} for _ in range(b)]" for i in range(300))
MAIL = (
    "From: a@b.c\nSubject: hello\nMIME-Version: 1.0\n"
    + "".join(f"X-Header-{i}: value {i}\n" for i in range(200))
    + "\n"
    + "body\n" * 500
)
SETTINGS = "\n".join(
    f"[section{i}]\n" + "\n".join(f"key{j} = value {j}" for j in range(20)) for i in range(60)
)
LINE = re.compile(r"^(\S+) (\d+\.\d+\.\d+\.\d+) (GET|POST) (/\S*) (\d{3})$", re.MULTILINE)


@case('{"id": 7, "name": "seven"}')
def json_small(text: str) -> int:
    """A message of some bytes: over before a lane could help."""
    return int(json.loads(text)["id"])


@case()
def json_large() -> int:
    """A document of 300 kB, held in memory."""
    return len(json.loads(JSON))


@case(JSON)
def json_large_argument(text: str) -> int:
    """The same document, but as an argument: it travels to wherever the task runs."""
    return len(json.loads(text))


@case()
def json_dump() -> int:
    """The way back."""
    return len(json.dumps(ROWS))


@case()
def csv_rows() -> float:
    """A table of 8,000 rows, summed up."""
    return sum(float(row[2]) for row in csv.reader(io.StringIO(CSV)))


@case()
def regex_log() -> int:
    """A log of 4,000 lines by one expression."""
    return sum(int(match[4]) == 200 for match in LINE.findall(LOG))


@case("https://example.com/a/b?q=1&r=two&r=three")
def url_parts(url: str) -> int:
    """One address: trivial."""
    return len(parse_qs(urlsplit(url).query))


@case()
def xml_etree() -> int:
    """A document of 6,000 elements."""
    root = ElementTree.fromstring(XML)  # noqa: S314 - it was written above
    return sum(int(item.attrib["id"]) for item in root)


class _Links(HTMLParser):
    count = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Counts links."""
        self.count += tag == "a" and bool(attrs)


@case()
def html_links() -> int:
    """The links of a page, by a parser in pure Python."""
    parser = _Links()
    parser.feed(HTML)
    return parser.count


@case()
def email_headers() -> int:
    """A mail with 200 headers."""
    return len(email.message_from_string(MAIL).items())


@case()
def ini_sections() -> int:
    """Settings with 60 sections."""
    parser = configparser.ConfigParser()
    parser.read_string(SETTINGS)
    return len(parser.sections())


@case()
def python_compile() -> int:
    """Source of 600 lines to byte code."""
    return len(compile(ast.parse(SOURCE), "generated", "exec").co_code)


@case()
def python_tokens() -> int:
    """The same source to tokens, in pure Python."""
    return sum(1 for _ in tokenize.generate_tokens(io.StringIO(SOURCE).readline))
