"""Pages on campaigns say what the runs say."""

from pyarrow import parquet

from karyon.campaign import pages
from karyon.campaign.compare import compare
from tests.campaign.plans import written


def test_a_page_has_the_counts_and_the_worst_of_every_kind_of_run(tmp_path):
    out, page = tmp_path / "out", pages.Page(30, "Short", "What it is about.")
    summary = pages._run(str(written(tmp_path)), page.runs, out)
    said = "\n".join(pages._page(page, "short", summary, out))
    assert said.startswith("# Short\n\nWhat it is about.\n")
    assert "$ karyon campaign short --runs 30 --seed 1" in said
    assert "0 of 30 runs violate a goal, which is a rate of 0 to 0.12" in said
    table = parquet.read_table(out / "runs.parquet").to_pandas()
    for stratum, rows in table.groupby("stratum"):
        (line,) = [line for line in said.splitlines() if line.startswith(f"| {stratum} |")]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[1:3] == [str(len(rows)), "0"]
        assert cells[4:] == [f"{rows.min_rss_margin.min():.2f}", f"{1000 * rows.worst_switch_latency.max():.0f}"]
    same = pages._compared("nothing at all", compare(out, out), out)
    assert same == ("nothing at all", 0, 0, "1", "+0.0 %", "+0.000")
