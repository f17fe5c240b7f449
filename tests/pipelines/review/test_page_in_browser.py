"""The review page in a real browser: two reviewers in turn, by mouse and keyboard."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from forensics.faces.review_rules import CHECKLIST, State, state_of
from pipelines.custody.case_store import load_case
from pipelines.review.reviews import load_reviews
from testing.commands import Call
from testing.face_case import FaceCase
from tests.pipelines.review.test_review import Page

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

_BROWSER, _DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--window-size=1280,900"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator["Chrome"]:
    """Start a browser without a window."""
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
    """Open the page and the first candidate, and confirm it; returns what the page showed before."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(page.address)
    assert "token" not in browser.current_url
    browser.find_element(By.CSS_SELECTOR, ".list a").click()
    before = browser.find_element(By.TAG_NAME, "main").text
    pictures = browser.find_elements(By.TAG_NAME, "img")
    assert all(browser.execute_script("return arguments[0].naturalWidth", picture) > 0 for picture in pictures)
    assert len(pictures) >= 4, "faces beside the reference"
    for feature in CHECKLIST:
        browser.find_element(By.CSS_SELECTOR, f"input[name={feature}][value=agrees]").click()
    browser.find_element(By.CSS_SELECTOR, "input[name=verdict][value=confirm]").click()
    browser.find_element(By.NAME, "note").send_keys(note)
    browser.find_element(By.CSS_SELECTOR, "button.sign").click()
    WebDriverWait(browser, 20).until(lambda shown: shown.find_elements(By.ID, "stored"))
    assert "Similarity" in browser.find_element(By.TAG_NAME, "main").text
    assert _is_seen(browser, "#stored")
    assert "Your verdict is stored: the same person, in my opinion." in browser.find_element(By.ID, "stored").text
    assert note in browser.find_element(By.TAG_NAME, "main").text
    assert browser.get_log("browser") == [], "no script, no blocked request, nothing missing"
    browser.get(f"{page.base}/")
    browser.find_element(By.CSS_SELECTOR, "button.quiet").click()
    WebDriverWait(browser, 20).until(lambda shown: shown.title == "Finished")
    assert browser.get_log("browser") == []
    assert page.end() == 0
    return before


def _is_seen(browser: "Chrome", *selectors: str) -> bool:
    """Whether the first element of each selector lies in the window as it is scrolled now."""
    script = """const r = document.querySelector(arguments[0]).getBoundingClientRect();
        return r.width > 0 && r.top >= 0 && r.left >= 0 && r.bottom <= innerHeight + 1 && r.right <= innerWidth + 1"""
    return all(browser.execute_script(script, selector) for selector in selectors)


@pytest.fixture
def two_candidates(tmp_path: Path, call: Call) -> FaceCase:
    """Make a search with two candidates and one reviewer."""
    case = FaceCase.make(tmp_path, call, n_people=2)
    for number in range(2):
        case.enrol(f"E{number}", number, tmp_path)
    case.run()
    case.reviewer("B. Becker")
    return case


def _fill(browser: "Chrome", answer: str, note: str) -> None:
    from selenium.webdriver.common.by import By

    browser.find_element(By.CSS_SELECTOR, f"input[name=nose][value={answer}]").click()
    browser.find_element(By.CSS_SELECTOR, "input[name=verdict][value=confirm]").click()
    browser.find_element(By.NAME, "note").clear()
    browser.find_element(By.NAME, "note").send_keys(note)
    _answer_rest(browser)
    browser.find_element(By.CSS_SELECTOR, "button.sign").click()


def _answer_rest(browser: "Chrome") -> None:
    """Set the features without an answer to "not seen", with the button that stores nothing."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    if _n_answered(browser) < len(CHECKLIST):
        browser.find_element(By.CSS_SELECTOR, ".fill button").click()
        WebDriverWait(browser, 20).until(lambda shown: _n_answered(shown) == len(CHECKLIST))


def _n_answered(browser: "Chrome") -> int:
    return int(browser.execute_script("return document.querySelectorAll('.feature input:checked').length"))


def test_the_result_of_a_form_is_shown_on_top(two_candidates: FaceCase, browser: "Chrome") -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    with Page(two_candidates.root, "B. Becker") as page:
        browser.get(page.address)
        first, second = [link.get_attribute("href") for link in browser.find_elements(By.CSS_SELECTOR, ".list a")]
        assert first is not None
        browser.get(first)
        _fill(browser, "differs", " ")
        WebDriverWait(browser, 20).until(lambda shown: shown.find_elements(By.ID, "problem"))
        assert _is_seen(browser, "#problem")
        assert browser.switch_to.active_element.get_attribute("id") == "problem"
        assert "explain why in the note" in browser.find_element(By.ID, "problem").text
        for kept in ("input[name=nose][value=differs]", "input[name=verdict][value=confirm]"):
            assert browser.find_element(By.CSS_SELECTOR, kept).is_selected(), kept
        browser.get(str(second))
        assert not browser.find_elements(By.CSS_SELECTOR, "#problem, input:checked"), "kept for that one candidate"
        browser.get(first)
        _fill(browser, "differs", "another light </textarea>")
        WebDriverWait(browser, 20).until(lambda shown: shown.find_elements(By.ID, "stored"))
        assert _is_seen(browser, "#stored")
        browser.refresh()
        browser.back()
        browser.forward()
        assert "stored" in browser.title, "nothing was sent again"
        browser.find_element(By.LINK_TEXT, "Next candidate").click()
        WebDriverWait(browser, 20).until(lambda shown: shown.current_url == second)
        _fill(browser, "agrees", "")
        WebDriverWait(browser, 20).until(lambda shown: shown.find_elements(By.ID, "stored"))
        assert "No other candidate waits for you." in browser.find_element(By.ID, "stored").text
        browser.find_element(By.ID, "stored").find_element(By.LINK_TEXT, "All candidates").click()
        WebDriverWait(browser, 20).until(lambda shown: shown.current_url == f"{page.base}/")
        assert browser.get_log("browser") == []
    assert len(load_reviews(load_case(two_candidates.root))) == 2


def test_nothing_is_sent_before_every_feature_has_an_answer(two_candidates: FaceCase, browser: "Chrome") -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    with Page(two_candidates.root, "B. Becker") as page:
        browser.get(page.address)
        browser.find_element(By.CSS_SELECTOR, ".list a").click()
        form = browser.current_url
        for feature in list(CHECKLIST)[:-1]:
            browser.find_element(By.CSS_SELECTOR, f"input[name={feature}][value=agrees]").click()
        browser.find_element(By.CSS_SELECTOR, "input[name=verdict][value=confirm]").click()
        browser.find_element(By.CSS_SELECTOR, "button.sign").click()
        invalid = browser.execute_script("return document.querySelector('form :invalid').name")
        assert (invalid, browser.current_url) == (list(CHECKLIST)[-1], form)
        browser.find_element(By.CSS_SELECTOR, "input[name=verdict][value=confirm]").send_keys(Keys.ENTER)
        assert browser.current_url == form, "the key Enter sends nothing"
        _answer_rest(browser)
        assert browser.find_element(By.CSS_SELECTOR, "input[name=verdict][value=confirm]").is_selected()
        assert browser.find_element(By.CSS_SELECTOR, "input[name=nose][value=agrees]").is_selected()
        assert _is_seen(browser, "button.sign")
        assert not two_candidates.verdicts.exists()


def test_pictures_stay_visible_while_features_are_compared(two_candidates: FaceCase, browser: "Chrome") -> None:
    from selenium.webdriver.common.by import By

    with Page(two_candidates.root, "B. Becker") as page:
        browser.get(page.address)
        browser.find_element(By.CSS_SELECTOR, ".list a").click()
        pictures = [f".pictures section:nth-child({side}) .faces a:last-child img" for side in (1, 2)]
        for feature in (*CHECKLIST, "verdict"):
            for last in browser.find_elements(By.CSS_SELECTOR, f"input[name={feature}]")[-1:]:
                browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", last)
            assert _is_seen(browser, *pictures, f"input[name={feature}]"), feature
        labels = browser.find_elements(By.CSS_SELECTOR, ".feature label")
        assert {label.text for label in labels} == {"agrees", "differs", "not seen"}
        assert len({label.size["height"] for label in labels}) == 1, "none goes over two lines"
        seen, quality = (browser.find_elements(By.CSS_SELECTOR, ".facts dd")[place].text for place in (2, 4))
        assert seen == "2026-05-01 12:00:00.0 to 12:00:02.2 UTC, clock error up to 0 ms"
        assert quality.partition(":")[0] in {"low", "fair", "good"}
        browser.find_element(By.CSS_SELECTOR, "input[name=nose][value=agrees]").click()
        small = browser.find_element(By.CSS_SELECTOR, ".pictures img").size["height"]
        form = browser.current_window_handle
        browser.find_element(By.CSS_SELECTOR, ".pictures a").click()
        (large,) = set(browser.window_handles) - {form}
        browser.switch_to.window(large)
        assert browser.find_element(By.CSS_SELECTOR, ".large img").size["height"] > small
        browser.close()
        browser.switch_to.window(form)
        assert browser.find_element(By.CSS_SELECTOR, "input[name=nose][value=agrees]").is_selected()
        assert browser.get_log("browser") == []


def test_two_reviewers_in_turn(tmp_path: Path, call: Call, browser: "Chrome") -> None:
    case = FaceCase.make(tmp_path, call, n_people=2)
    case.enrol("E0", 0, tmp_path)
    case.run()
    for name in ("B. Becker", "C. Cole"):
        case.reviewer(name)
    case.do("case policy", "--one-account", "--reason", "both pages are opened by this test")
    with Page(case.root, "B. Becker") as page:
        first = _decide(browser, page, "a scar <i>here</i>")
    with Page(case.root, "C. Cole") as page:
        second = _decide(browser, page, "the same scar")
    for before in (first, second):
        assert "Candidate for examination" in before
        for hidden in ("Similarity", "B. Becker", "scar", "Rank"):
            assert hidden not in before
    assert state_of(load_reviews(load_case(case.root))) is State.CONFIRMED
