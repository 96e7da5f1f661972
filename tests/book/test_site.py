"""The built pages: complete in themselves, light, and with what chapters were promised."""

import gzip
import re
from functools import lru_cache

import pytest
import yaml

bs4 = pytest.importorskip("bs4", reason="the pages' packages are not installed: make install")
pytest.importorskip("jupyter_book", reason="the pages' packages are not installed: make install")

from site_build import ROOT, build, built, project  # noqa: E402

BUDGET = 1_200_000  # bytes of a page, compressed, with fonts
FONTS = (
    "Main-Regular",
    "Main-Bold",
    "Math-Italic",
    "AMS-Regular",
    "Size1-Regular",
    "Size2-Regular",
    "Zero",
)


@pytest.fixture(scope="module")
def site():
    """The folder of the pages."""
    return built()


@lru_cache
def soup(path):
    """A page, parsed."""
    return bs4.BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def pages(site):
    """All pages but the redirect at the root."""
    return [
        path
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.parts and path != site / "index.html"
    ]


def references(page):
    """Addresses that a browser fetches by itself to show the page."""
    tags = soup(page).select(
        "script[src], img[src], iframe[src], source[src], video[src], audio[src], embed[src]"
    )
    links = soup(page).select(
        "link[href]:not([rel=next], [rel=prev], [rel=search], [rel=index], [rel=canonical])"
    )
    return [tag["src"] for tag in tags] + [tag["href"] for tag in links]


def test_no_page_fetches_from_another_host(site):
    outside = re.compile(r"^\s*(https?:)?//", re.IGNORECASE)
    found = [
        f"{page.name}: {url}"
        for page in pages(site)
        for url in references(page)
        if outside.match(url)
    ]
    assert pages(site) and not found, found


def test_no_style_or_script_of_a_page_fetches_from_another_host(site):
    found = []
    for path in sorted(site.glob("_static/**/*.css")):
        found += [
            f"{path.name}: {url}"
            for url in re.findall(
                r"""url\(\s*["']?((?:https?:)?//[^"')]+)""", path.read_text("utf-8")
            )
        ]
        found += [
            f"{path.name}: {line}"
            for line in re.findall(r"@import[^;]*//[^;]*", path.read_text("utf-8"))
        ]
    for page in pages(site):
        text = " ".join(script.text for script in soup(page).select("script:not([src])"))
        found += [
            f"{page.name}: {url}" for url in re.findall(r"""["'](?:https?:)?//[^"']+["']""", text)
        ]
        styles = " ".join(
            [style.text for style in soup(page).select("style")]
            + [tag["style"] for tag in soup(page).select("[style]")]
        )
        found += [
            f"{page.name}: {url}"
            for url in re.findall(r"""url\(\s*["']?(?:https?:)?//[^"')]+""", styles)
        ]
    assert not found, found


def test_what_pages_fetch_exists(site):
    for page in pages(site):
        for url in references(page):
            if not url.startswith("data:"):
                assert (page.parent / re.sub(r"[?#].*", "", url)).resolve().is_file(), (
                    f"{page.name} asks for {url}"
                )


def test_mathematics_is_set_by_the_site_itself(site):
    scripts = [url for url in references(site / "notebooks/sample.html") if "mathjax" in url]
    assert len(scripts) == 1 and scripts[0].startswith("../_static/mathjax/tex-mml-chtml.js")
    assert (site / "_static/mathjax/output/chtml/fonts/woff-v2/MathJax_Main-Regular.woff").is_file()


def test_weight(site):
    """HTML, styles, scripts and pictures as sent, compressed, and the fonts that pages with
    mathematics load.
    """
    mathematics = site / "_static/mathjax/output/chtml/fonts/woff-v2"
    fonts = [
        *site.glob("_static/fonts/*.woff2"),
        *(mathematics / f"MathJax_{name}.woff" for name in FONTS),
    ]
    kept = sum(path.stat().st_size for path in fonts)
    heaviest = {}
    for page in pages(site):
        files = {page} | {
            (page.parent / re.sub(r"[?#].*", "", url)).resolve()
            for url in references(page)
            if ":" not in url
        }
        heaviest[page.name] = kept + sum(len(gzip.compress(path.read_bytes())) for path in files)
    name = max(heaviest, key=heaviest.get)
    print(f"heaviest page: {name}, {heaviest[name] / 1e3:.0f} kB of {BUDGET / 1e3:.0f}")
    assert heaviest[name] <= BUDGET, f"{name} weighs {heaviest[name]:,} bytes"


def test_adjacent_framework_cells_are_synced_tabs(site):
    sets = soup(site / "notebooks/sample.html").select(".framework-tabs")
    assert len(sets) == 2
    for tabs in sets:
        labels = [
            (tag.text.strip(), tag["data-sync-group"], tag["data-sync-id"])
            for tag in tabs.select("label")
        ]
        assert labels == [
            ("PyTorch", "framework", "torch"),
            ("TensorFlow", "framework", "tensorflow"),
        ]
    assert "import torch" in sets[0].select(".sd-tab-content")[0].text


def test_caption_is_alternative_text(site):
    page = soup(site / "notebooks/sample.html")
    images = page.select(".cell_output img")
    assert [image["alt"] for image in images] == ["Loss against time: does it fall?", ""]
    assert [tag.text for tag in page.select("p.cell-caption")] == [
        "Loss against time: does it fall?"
    ]


def test_hidden_inputs_say_what_they_are(site):
    page = soup(site / "notebooks/sample.html")
    assert [tag.text for tag in page.select("details.hide p.collapsed")] == [
        "Check",
        "How this figure is drawn",
    ]
    assert len(page.select(".check-cell")) == 1 and "gap 0.5" in page.select_one(".check-cell").text


def test_sources_side_by_side_get_the_margin(site):
    assert soup(site / "notebooks/sample.html").select(".tag_full-width .rnn-twins")


def test_exercises_count_from_one_and_solutions_fold(site):
    page = soup(site / "notebooks/sample.html")
    assert page.select_one("div.exercise .admonition-title").text.split() == [
        "Exercise",
        "1",
        "(Count)",
    ]
    assert "dropdown" in page.select_one("div.solution")["class"]


def test_citations_and_equations_are_links(site):
    page = soup(site / "notebooks/sample.html").select_one("article")
    text = " ".join(page.text.split())
    assert "of Elman (1990)" in text and "(Bengio et al., 1994; Werbos, 1990)" in text
    assert page.select_one('p a[href="#equation-sample-hidden"]').text == "(1)"
    assert page.select_one('a[href$="glossary.html#term-hidden-state"]')


def test_downloads(site):
    links = soup(site / "notebooks/sample.html").select("a[download]")
    files = [(site / "notebooks" / link["href"]).resolve() for link in links]
    assert [path.name for path in files] == ["sample.ipynb", "sample.md"] and all(
        path.is_file() for path in files
    )
    assert not soup(site / "genindex.html").select("a[download]")


def test_one_search_field_and_icons_without_a_script(site):
    page = soup(site / "notebooks/sample.html")
    assert len(page.select(".search-button-field")) == 1 and not page.select(
        ".bd-header .search-button"
    )
    assert not [url for url in references(site / "notebooks/sample.html") if "fontawesome" in url]
    drawn = set(
        re.findall(
            r"\.fa-([a-z-]+) \{ --icon", (ROOT / "book/_static/icons.css").read_text("utf-8")
        )
    )
    used = {
        name
        for page in pages(site)
        for tag in soup(page).select(".fa-solid, .fas")
        for name in tag["class"]
    }
    assert {name.removeprefix("fa-") for name in used} - {
        "solid",
        "lg",
        "fas",
        "theme-switch",
    } <= drawn


def test_only_the_search_page_loads_the_index(site):
    loaded = [
        page.name
        for page in pages(site)
        if any("searchindex.js" in url for url in references(page))
    ]
    assert loaded == ["search.html"]


def test_start_page_names_six_parts_and_links_what_exists(site):
    page = soup(site / "book/index.html")
    assert len(page.select(".book-part")) == 6
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    chapters = [entry["file"] for part in contents["parts"] for entry in part["chapters"]]
    linked = {link["href"] for link in page.select(".book-part a")}
    expected = {f"../{name}.html" for name in chapters if name.startswith("notebooks/")}
    assert linked == expected | {"../notebooks/sample.html"}


def test_a_chapter_by_name_is_a_link_once_it_exists(site):
    page = soup(site / "notebooks/sample.html")
    assert page.select_one('article p a[href="#"]').text == "A sample chapter"
    assert page.select_one("article p span.planned").text == "Data quality"


def test_contents_list_every_chapter_where_the_plan_has_it():
    plan = {
        entry["part"]: list(entry["chapters"])
        for entry in yaml.safe_load((ROOT / "book/_parts.yml").read_text("utf-8"))
    }
    listed = set()
    for part in yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))["parts"]:
        slugs = [
            entry["file"].removeprefix("notebooks/")
            for entry in part["chapters"]
            if "notebooks/" in entry["file"]
        ]
        planned = plan.get(part["caption"], [])
        assert slugs == [slug for slug in planned if slug in slugs], (
            f"{part['caption']}: {slugs} against book/_parts.yml"
        )
        listed |= set(slugs)
    recorded = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert listed == recorded, f"_toc.yml and notebooks/ differ in {sorted(listed ^ recorded)}"


def test_broken_references_fail_the_build(tmp_path):
    done = build(
        project(
            tmp_path,
            extra="See {doc}`no-such-chapter`, {eq}`no-such-equation`, {cite:t}`nobody1900`, "
            "{term}`no-such-term`, {chapter}`no-such-plan`.",
        )
    )
    assert done.returncode != 0
    said = done.stdout + done.stderr
    for name in (
        "no-such-chapter",
        "no-such-equation",
        "nobody1900",
        "no-such-term",
        "no-such-plan",
    ):
        assert name in said, f"the build says nothing of {name}:\n{said}"


def test_page_of_data_sets_is_up_to_date():
    from rnnlib.data.catalog import REGISTRY
    from tools.datasets_page import PAGE, page

    assert PAGE.read_text("utf-8") == page(REGISTRY), "run: python -m tools.datasets_page"
