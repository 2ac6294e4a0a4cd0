"""Property tests are the same on every run and leave nothing behind; a browser that tests of pages drive."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("core", deadline=None, derandomize=True, database=None)
settings.load_profile("core")

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), None)


SEEN = "[...document.querySelectorAll('svg[role=img]')].filter(s => s.getBoundingClientRect().width)"
UNREADABLE = f"""{SEEN}.flatMap(s => {{
  const size = s.viewBox.baseVal, about = (s.getAttribute("aria-label") || "").slice(0, 40);
  const boxes = [...s.querySelectorAll("text")].map(t => [t.getBBox(), t.textContent]);
  const cut = boxes.filter(([b]) => b.x < -1 || b.y < -1 || b.x + b.width > size.width + 1
    || b.y + b.height > size.height + 1).map(([, x]) => `${{x}} is cut`);
  const over = boxes.flatMap(([a, x], i) => boxes.slice(i + 1).filter(([b]) => a.x + 1 < b.x + b.width
    && b.x + 1 < a.x + a.width && a.y + 3 < b.y + b.height && b.y + 3 < a.y + a.height)
    .map(([, y]) => `${{x}} over ${{y}}`));
  return [...cut, ...over].map(words => `${{about}}: ${{words}}`);
}})"""


class Browser:
    """Chromium over the DevTools protocol, through a pair of pipes: no port, no further package."""

    def __init__(self, folder: Path) -> None:
        # above 9, so that none of them is the 3 or 4 they become in Chromium
        mine, write, read, theirs = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in self._pipes())
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={folder}"]
        actions = [
            (os.POSIX_SPAWN_DUP2, mine, 3),
            (os.POSIX_SPAWN_DUP2, theirs, 4),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        program = str(CHROMIUM)
        self.process = os.posix_spawn(program, [program, *flags, "about:blank"], os.environ, file_actions=actions)
        for end in (*self.opened, mine, theirs):
            os.close(end)
        self.input, self.output = os.fdopen(write, "wb", 0), os.fdopen(read, "rb")
        self.count, self.session, self.events = 0, "", list[dict[str, Any]]()
        pages = [t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page"]
        attached = self.call("Target.attachToTarget", targetId=pages[0]["targetId"], flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def _pipes(self) -> tuple[int, ...]:
        """Return the ends of two pipes: to be read by Chromium, written by us, read by us, written by Chromium."""
        self.opened = (*os.pipe(), *os.pipe())
        return self.opened

    def _read(self) -> dict[str, Any]:
        text = bytearray()
        while (byte := self.output.read(1)) not in (b"\0", b""):
            text += byte
        if not text:
            raise EOFError("Chromium has gone")
        found: dict[str, Any] = json.loads(text)
        return found

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.input.write(json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self.count:
            self.events.append(answer)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, path: Path, fragment: str = "") -> None:
        """Load a page, without what a page before it left."""
        self._go("about:blank")
        self.events.clear()
        self._go(f"{path.as_uri()}{fragment}")

    def _go(self, address: str) -> None:
        loader = self.call("Page.navigate", url=address)["loaderId"]
        self.call("Page.setLifecycleEventsEnabled", enabled=True)
        while not any(self._loaded(e, loader) for e in self.events):
            self.events.append(self._read())

    @staticmethod
    def _loaded(event: dict[str, Any], loader: str) -> bool:
        told = event.get("params", {})
        return event["method"] == "Page.lifecycleEvent" and (told["name"], told["loaderId"]) == ("load", loader)

    def run(self, code: str) -> Any:
        """Return the value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    def window(self, width: int, height: int = 800, dark: bool = False) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def faults(self) -> list[str]:
        """Return what the page threw, and what the browser held against it."""
        bad = [e["params"] for e in self.events if e["method"] in ("Runtime.exceptionThrown", "Log.entryAdded")]
        return [json.dumps(p)[:500] for p in bad]

    def labels(self) -> int:
        """Return how many labels the pictures of the page have that are seen."""
        found: int = self.run(f"{SEEN}.flatMap(s => [...s.querySelectorAll('text')]).length")
        return found

    def unreadable(self) -> list[str]:
        """Return the labels of pictures that leave their picture or cover each other."""
        found: list[str] = self.run(UNREADABLE)
        return found

    def close(self) -> None:
        with contextlib.suppress(OSError, EOFError, AssertionError):
            self.session = ""
            self.call("Browser.close")
        self.input.close()
        self.output.close()
        for _ in range(200):
            if os.waitpid(self.process, os.WNOHANG)[0]:
                return
            time.sleep(0.1)
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip(f"no Chromium is installed ({', '.join(NAMES)}), so the page cannot be driven")
    opened = Browser(tmp_path_factory.mktemp("chromium"))
    yield opened
    opened.close()
