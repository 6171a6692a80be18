"""Templates and documents, with popular libraries."""
# pyright: basic, reportMissingImports=false, reportMissingModuleSource=false
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import jinja2
import markdown
import orjson
import pygments
import yaml
from bs4 import BeautifulSoup
from lxml import etree
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from verdict_set.cases import case
from verdict_set.parsing import HTML, JSON, SOURCE, XML

TEMPLATE = jinja2.Environment(autoescape=True).from_string(
    "<table>{% for r in rows %}<tr><td>{{ r.id }}</td><td>{{ r.name }}</td></tr>{% endfor %}"
    "</table>"
)
LETTER = jinja2.Environment(autoescape=True).from_string(
    "Dear {{ name }},\nyour order is on its way."
)
ITEMS = [{"id": i, "name": f"item <{i}>"} for i in range(2_000)]
TEXT = "\n\n".join(
    f"## Part {i}\n\nSome *words* and `code`, [a link](x).\n\n- a\n- b" for i in range(25)
)
YAML = "\n".join(f"- id: {i}\n  name: item {i}\n  tags: [a, b]" for i in range(60))
XML_BYTES = XML.encode()
JSON_BYTES = JSON.encode()


@case()
def jinja_table() -> int:
    """A table of 2,000 rows."""
    return len(TEMPLATE.render(rows=ITEMS))


@case("Ada")
def jinja_letter(name: str) -> str:
    """A letter of two lines: trivial."""
    return LETTER.render(name=name)


@case()
def markdown_page() -> int:
    """A page of 25 parts."""
    return len(markdown.markdown(TEXT))


@case()
def yaml_load() -> int:
    """A list of 60 entries, by the parser in Python."""
    return len(yaml.safe_load(YAML))


@case()
def pygments_highlight() -> int:
    """Source with colours."""
    return len(pygments.highlight(SOURCE[:6_000], PythonLexer(), HtmlFormatter()))


@case()
def soup_links() -> int:
    """The links of a page."""
    return len(BeautifulSoup(HTML[:12_000], "html.parser").find_all("a"))


@case()
def lxml_parse() -> int:
    """A document of 6,000 elements: lxml lets other threads run while it parses."""
    return len(etree.fromstring(XML_BYTES))


@case()
def orjson_large() -> int:
    """A document of 300 kB, by a fast library that keeps the GIL."""
    return len(orjson.loads(JSON_BYTES))
