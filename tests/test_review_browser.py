"""The review page in a real browser: two reviewers in turn, by mouse and keyboard."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from forensics.reviewing import State, state_of
from pipelines.cases import load_case
from pipelines.reviews import load_reviews
from tests.calling import Call, caller
from tests.face_case import FaceCase
from tests.test_review import Page

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

_BROWSER, _DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--window-size=1280,900"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    return caller(capsys)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator["Chrome"]:
    if not (_BROWSER.exists() and _DRIVER.exists()):
        pytest.skip(f"needs {_BROWSER} and {_DRIVER} (Debian's chromium and chromium-driver)")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for flag in (*_FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.binary_location = str(_BROWSER)
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(_DRIVER)))
    yield started
    started.quit()


def _decide(browser: "Chrome", page: Page, note: str) -> str:
    """Open the page, look at the first candidate, confirm it; returns what the page showed before."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(page.address)
    assert "token" not in browser.current_url
    browser.find_element(By.CSS_SELECTOR, ".list a").click()
    before = browser.find_element(By.TAG_NAME, "main").text
    pictures = browser.find_elements(By.TAG_NAME, "img")
    assert all(browser.execute_script("return arguments[0].naturalWidth", picture) > 0 for picture in pictures)
    assert len(pictures) >= 4, "faces beside the reference"
    for feature in ("nose", "eyes"):
        browser.find_element(By.CSS_SELECTOR, f"input[name={feature}][value=agrees]").click()
    browser.find_element(By.CSS_SELECTOR, "input[name=verdict][value=confirm]").click()
    browser.find_element(By.NAME, "note").send_keys(note)
    browser.find_element(By.CSS_SELECTOR, ".verdict button").click()
    WebDriverWait(browser, 20).until(lambda shown: "Similarity" in shown.find_element(By.TAG_NAME, "main").text)
    assert note in browser.find_element(By.TAG_NAME, "main").text
    assert browser.get_log("browser") == [], "no script, no blocked request, nothing missing"
    browser.get(page.base)
    browser.find_element(By.CSS_SELECTOR, "button.quiet").click()
    WebDriverWait(browser, 20).until(lambda shown: shown.title == "Finished")
    assert browser.get_log("browser") == []
    assert page.end() == 0
    return before


def test_two_reviewers_in_turn(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch, browser: "Chrome") -> None:
    case = FaceCase.make(tmp_path, call, monkeypatch, n_people=2)
    case.enrol("E0", 0, tmp_path)
    case.run()
    for name in ("B. Becker", "C. Cole"):
        case.do("reviewer add", name)
    with Page(case.root, "B. Becker") as page:
        first = _decide(browser, page, "a scar <i>here</i>")
    with Page(case.root, "C. Cole") as page:
        second = _decide(browser, page, "the same scar")
    for before in (first, second):
        assert "Candidate for examination" in before
        for hidden in ("Similarity", "B. Becker", "scar", "Rank"):
            assert hidden not in before
    assert state_of(load_reviews(load_case(case.root))) is State.CONFIRMED
