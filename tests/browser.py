"""A small client of Chromium's debugging protocol:
open a page, say what it asked for and what went wrong.
"""

import json
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request

CHROMIUM = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    None,
)


class Browser:
    """Headless Chromium with a profile of its own; a context manager."""

    def __enter__(self):
        import websocket  # websocket-client, which JupyterLab's server brings along

        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
        options += [
            "--remote-allow-origins=*",
            f"--user-data-dir={self.folder.name}",
            "about:blank",
        ]
        self.process = subprocess.Popen(
            [CHROMIUM, *options], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        port = next(
            m[1] for line in self.process.stderr if (m := re.search(r"ws://127.0.0.1:(\d+)", line))
        )
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
            page = next(target for target in json.load(answer) if target["type"] == "page")
        self.socket = websocket.create_connection(page["webSocketDebuggerUrl"], timeout=30)
        self.count, self.events = 0, []
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *error):
        self.socket.close()
        self.process.terminate()
        self.process.wait(10)
        self.process.stderr.close()
        self.folder.cleanup()

    def call(self, method, **params):
        """One command; events that arrive meanwhile are kept."""
        self.count += 1
        self.socket.send(json.dumps({"id": self.count, "method": method, "params": params}))
        while (message := json.loads(self.socket.recv())).get("id") != self.count:
            self.events.append(message)
        return message.get("result", message)

    def ask(self, expression):
        """The value of a JavaScript expression in the page."""
        result = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        return result["result"].get("value")

    def visit(self, url, seconds=0.4):
        """Open a page, wait until mathematics is set and nothing moves -> (addresses asked for,
        errors).
        """
        self.events = []
        self.call("Page.navigate", url=url)
        deadline = time.monotonic() + 20
        ready = (
            "document.readyState == 'complete' && (!window.MathJax || !!MathJax.startup?.promise)"
        )
        while not self.ask(ready) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.ask("window.MathJax ? MathJax.startup.promise.then(() => 1) : 1")
        time.sleep(seconds)
        self.ask("1")  # collects what arrived while we slept
        return self.requests(), self.errors()

    def requests(self):
        """Addresses asked for since the last visit began, data: addresses left out."""
        sent = [
            e["params"]["request"]["url"]
            for e in self.events
            if e.get("method") == "Network.requestWillBeSent"
        ]
        return [url for url in sent if not url.startswith(("data:", "blob:"))]

    def errors(self):
        """What the console calls an error, and exceptions."""
        found = []
        for event in self.events:
            params = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(params["exceptionDetails"].get("text", "exception"))
            elif event.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
                found.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
            elif event.get("method") == "Runtime.consoleAPICalled" and params["type"] == "error":
                found.append(str(params["args"]))
        return found
