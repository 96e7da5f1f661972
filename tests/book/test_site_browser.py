"""The built pages in a browser, opened as files and served:
nothing leaves the site, nothing goes wrong.
"""

import functools
import gzip
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import pytest
from browser import CHROMIUM, Browser

pytest.importorskip("websocket", reason="websocket-client is not installed: make install")
pytest.importorskip("jupyter_book", reason="the pages' packages are not installed: make install")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

from site_build import ROOT, built  # noqa: E402

PAGES = (
    "index.html",
    "book/index.html",
    "book/notation.html",
    "notebooks/sample.html",
    "search.html?q=gradient",
)
CHAPTERS = tuple(
    f"notebooks/{path.stem}.html" for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
)
BUDGET = 1_200_000  # bytes of a page, compressed, with fonts


class Files(SimpleHTTPRequestHandler):
    """A file server that keeps no log."""

    def log_message(self, *arguments):
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """A page left before its last file came is no fault."""

    def handle_error(self, request, client_address):
        """Say nothing."""


@pytest.fixture(scope="module")
def site():
    """The folder of the pages."""
    return built()


@pytest.fixture(scope="module")
def served(site):
    """The address of the pages over http."""
    server = Server(("127.0.0.1", 0), functools.partial(Files, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    """One browser for all tests of this file."""
    with Browser() as browser:
        yield browser


@pytest.mark.parametrize("way", ["file", "http"])
def test_pages_ask_no_other_host_and_raise_no_error(site, served, browser, way):
    browser.call("Network.setCacheDisabled", cacheDisabled=True)
    root = site.as_uri() if way == "file" else served
    for page in PAGES + (CHAPTERS if way == "http" else CHAPTERS[:1]):
        requests, errors = browser.visit(f"{root}/{page}")
        assert len(requests) > 5, f"{page} asked for {requests} only"
        outside = [url for url in requests if not url.startswith(root + "/")]
        assert not outside and not errors, f"{page}: asked {outside}, errors {errors}"
        paths = {unquote(urlsplit(url[len(root) :]).path).lstrip("/") for url in requests} - {
            "",
            "favicon.ico",
        }
        weight = sum(len(gzip.compress((site / path).read_bytes())) for path in paths)
        print(f"{page}: {weight / 1e3:.0f} kB in {len(paths)} files")
        assert weight <= BUDGET, f"{page} weighs {weight:,} bytes"


def test_mathematics_is_set(served, browser):
    browser.visit(f"{served}/notebooks/sample.html")
    assert browser.ask("document.querySelectorAll('mjx-container').length") >= 1
    assert browser.ask("document.querySelectorAll('mjx-merror').length") == 0


def test_the_framework_once_chosen_is_chosen_on_every_page(served, browser):
    checked = (
        "[...document.querySelectorAll('.framework-tabs input:checked')].map(i => "
        "i.nextElementSibling.textContent.trim()).join()"
    )
    browser.visit(f"{served}/notebooks/sample.html")
    assert browser.ask(checked) == "PyTorch,PyTorch"
    browser.ask("document.querySelector('.framework-tabs label[data-sync-id=tensorflow]').click()")
    assert browser.ask(checked) == "TensorFlow,TensorFlow"
    browser.visit(f"{served}/book/index.html")
    browser.visit(f"{served}/notebooks/sample.html")
    assert browser.ask(checked) == "TensorFlow,TensorFlow"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_follows_the_system_and_pictures_stand_on_it(served, browser, theme):
    browser.call(
        "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}]
    )
    browser.visit(f"{served}/notebooks/sample.html")
    assert browser.ask("document.documentElement.dataset.theme") == theme
    look = (
        "(() => { const s = getComputedStyle(document.querySelector('.cell_output img')); "
        "return s.backgroundColor + s.filter })()"
    )
    assert browser.ask(look) == "rgba(0, 0, 0, 0)none"


@pytest.mark.parametrize("page", [*PAGES[1:4], *CHAPTERS])
def test_no_page_is_wider_than_its_window(served, browser, page):
    browser.visit(f"{served}/{page}")
    for width in (390, 820, 1100, 1300, 1600):
        metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.call("Emulation.setDeviceMetricsOverride", **metrics)
        assert browser.ask("document.documentElement.scrollWidth") <= width, f"{page} at {width} px"
    browser.call("Emulation.clearDeviceMetricsOverride")
