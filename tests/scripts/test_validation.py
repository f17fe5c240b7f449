"""docs/VALIDATION.md equals what the kept results give, with failures and what was not run."""

from pathlib import Path

from scripts.measure.campaign import Campaign, CaseResult, Outcome
from scripts.measure.validation import load_defects, render_page
from testing.project import ROOT

_DOCS = ROOT / "docs"


def test_the_document_is_what_the_results_make() -> None:
    assert (_DOCS / "VALIDATION.md").read_text(encoding="utf-8") == render_page(_DOCS / "validation")


def test_every_finding_says_what_was_done() -> None:
    assert load_defects(_DOCS / "validation" / "found.toml")
    for each in load_defects(_DOCS / "validation" / "found.toml"):
        assert all(text.strip() for text in (each.campaign, each.found, each.fixed))


def test_the_document_hides_nothing(tmp_path: Path) -> None:
    campaign = Campaign("small", "scripts/small", 7)
    for number, outcome in enumerate(Outcome):
        campaign.add(CaseResult(f"case {number}", "it holds | always", "it held", outcome, f"reason {number}: more"))
    campaign.write(tmp_path / "small.json")
    (tmp_path / "found.toml").write_text(
        '[[found]]\ncampaign = "small"\nfound = "It broke."\nfixed = "It holds."\n'
        '[[found]]\ncampaign = "other"\nfound = "That too."\nfixed = "So does that."\n'
    )
    text = render_page(tmp_path)
    for said in (
        *("`scripts/small` · seed 7 · ", "| [small](#small) | 3 | 1 | 1 | 1 | 1 |"),
        *("| it holds \\| always | it held | 3 | **1 failed**, 1 survived, 1 rejected, 1 not run |",),
        *("| it holds \\| always | reason 1 | 1 |", "- 1: reason 3: more", "- case 2: it held: reason 2: more"),
        *("- It broke. *It holds.*", "whose results are not kept", "- That too. *So does that.*"),
    ):
        assert said in text, said
