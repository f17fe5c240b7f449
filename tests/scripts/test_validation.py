"""docs/VALIDATION.md is what the kept results make, and says what failed and what was not run."""

from pathlib import Path

from scripts.measure.campaign import Campaign, Outcome, Tried
from scripts.measure.validation import document, findings
from testing.project import ROOT

_DOCS = ROOT / "docs"


def test_the_document_is_what_the_results_make() -> None:
    assert (_DOCS / "VALIDATION.md").read_text(encoding="utf-8") == document(_DOCS / "validation")


def test_every_finding_says_what_was_done() -> None:
    assert findings(_DOCS / "validation" / "found.toml")
    for each in findings(_DOCS / "validation" / "found.toml"):
        assert all(text.strip() for text in (each.campaign, each.found, each.mended))


def test_the_document_hides_nothing(tmp_path: Path) -> None:
    campaign = Campaign("small", "scripts/small", 7)
    for number, outcome in enumerate(Outcome):
        campaign.add(Tried(f"case {number}", "it holds | always", "it held", outcome, f"reason {number}: more"))
    campaign.write(tmp_path / "small.json")
    (tmp_path / "found.toml").write_text(
        '[[found]]\ncampaign = "small"\nfound = "It broke."\nmended = "It holds."\n'
        '[[found]]\ncampaign = "other"\nfound = "That too."\nmended = "So does that."\n'
    )
    text = document(tmp_path)
    for said in (
        *("`scripts/small` · seed 7 · ", "| [small](#small) | 3 | 1 | 1 | 1 | 1 |"),
        *("| it holds \\| always | it held | 3 | **1 failed**, 1 survived, 1 rejected, 1 not run |",),
        *("| it holds \\| always | reason 1 | 1 |", "- 1: reason 3: more", "- case 2: it held: reason 2: more"),
        *("- It broke. *It holds.*", "whose results are not kept", "- That too. *So does that.*"),
    ):
        assert said in text, said
