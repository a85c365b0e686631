"""The notebooks run from top to bottom, in their own folder, as a newcomer would run them."""

import re
import warnings
from pathlib import Path

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")

FOLDER = Path(__file__).parents[2] / "notebooks"
NAMES = (
    "01_quickstart",
    "02_your_own_system",
    "03_stocks_and_lifetimes",
    "04_s_curve",
    "05_rival_forecasts",
    "06_battery_demand",
    "07_secondary_supply",
    "08_uncertainty",
    "09_supply_risk",
    "10_disruption",
    "11_reconciliation",
    "12_energy_and_emissions",
    "13_availability_and_price",
)


@pytest.fixture(scope="module")
def executed():
    """Return a function that runs a notebook once and keeps it."""
    kept = {}

    def run(name):
        if name not in kept:
            book = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
            client = nbclient.NotebookClient(
                book,
                timeout=60,
                kernel_name="python3",
                resources={"metadata": {"path": str(FOLDER)}},
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the Jupyter packages, not of mfa
                kept[name] = client.execute()
        return kept[name]

    return run


def outputs(book):
    return [output for cell in book.cells for output in cell.get("outputs", [])]


def printed(book):
    return "".join(output.get("text", "") for output in outputs(book))


@pytest.mark.parametrize("name", NAMES)
def test_runs_without_error_or_warning(executed, name):
    book = executed(name)
    assert not [output for output in outputs(book) if output["output_type"] == "error"]
    told = [
        o["text"] for o in outputs(book) if o.get("name") == "stderr" and "Warning" in o["text"]
    ]
    assert not told


@pytest.mark.parametrize(("name", "figures"), [("01_quickstart", 2), ("02_your_own_system", 1)])
def test_shows_figures_and_the_drawing(executed, name, figures):
    shown = [output["data"] for output in outputs(executed(name)) if "data" in output]
    assert sum("image/png" in data for data in shown) == figures
    drawings = [data["text/markdown"] for data in shown if "text/markdown" in data]
    assert len(drawings) == 1
    assert drawings[0].startswith("```mermaid\nflowchart LR\n")


def test_quickstart_tells_the_origin_and_reads_back_what_it_saved(executed):
    text = printed(executed("01_quickstart"))
    assert "scenarios/levers/recovery_targets.yaml:" in text
    assert "identical: True" in text


def test_stocks_show_their_laws_and_conventions(executed):
    """CONVENTIONS §10: what the notebook prints about the half-year question is what it says."""
    book = executed("03_stocks_and_lifetimes")
    shown = [output["data"] for output in outputs(book) if "data" in output]
    assert sum("image/png" in data for data in shown) == 8
    text = printed(book)
    for moment, stock in {"start": 11.5, "middle": 12.0, "end": 12.5, "spread": 12.0}.items():
        assert f"{moment:7} {stock:.3f} t" in text
    assert "falls faster than it retires in year 2020" in text


def pictures(book):
    return sum("image/png" in output.get("data", {}) for output in outputs(book))


def test_the_s_curve_notebook_says_what_its_words_say(executed):
    """What the data identify, and the signs of the panel test; if they change, so must the words."""
    book = executed("04_s_curve")
    assert pictures(book) == 5
    text = printed(book)
    assert "shared shape: rejected" in text
    assert "identified alone: Brazil, Indonesia\n" in text
    found = re.search(
        r"per year: \+0\.\d+ ± 0\.\d+ %, p = (0\.0\d+)\n90 % by blocks.*: \+0\.\d", text
    )
    assert float(found.group(1)) < 0.05
    assert "the saturation of this gompertz fit is not identified" in text
    for metal in ("Cu", "Al", "Ni"):
        assert f"{metal}: not identified; zero growth between" in text
    for label in ("peak seen, n=6", "all with a take-off, n=8"):
        assert f"{label}, lower: as claimed, b = +0." in text
        assert f"{label}, later: against what is claimed, b = -1." in text
    confidences = [int(v) for v in re.findall(r"confidence of the sign (\d+) %", text)]
    lower, later = confidences[::2], confidences[1::2]
    assert max(lower) < 90 < min(later)
    assert re.search(r"Al stops before Ni: probability (8|9)\d %", text)
    assert re.search(r"Cu stops before Ni: probability (4|5)\d %", text)
    shown = [
        output["data"].get("text/markdown", "") for output in outputs(book) if "data" in output
    ]
    assert sum("| S-curve, error fades |" in table for table in shown) == 1


def test_the_rivals_notebook_says_where_the_s_curve_loses(executed):
    book = executed("05_rival_forecasts")
    assert pictures(book) == 4
    text = printed(book)
    for name in ("econometric", "intensity", "input_output", "sectors", "s_curve", "stock_driven"):
        assert re.search(rf"^{name} .*; needs", text, re.MULTILINE)
    assert "in all 42 kg = 42 kg used in the sectors" in text
    verdicts = re.findall(r"(\w+) +(observed|trend) +(\S+): .*% (wins against|loses to)", text)
    said = {(what, ahead, block): words for what, ahead, block, words in verdicts}
    assert len(said) == 20
    extrapolated = [
        words for (what, ahead, _), words in said.items() if what == "metals" and ahead == "trend"
    ]
    assert set(extrapolated) == {"loses to"}
    assert said["metals", "observed", "1-5"] == "loses to"
    assert (
        said["metals", "observed", "21-42"] == said["steel", "observed", "21-42"] == "wins against"
    )


def test_the_reconciliation_notebook_says_what_its_words_say(executed):
    """Nickel is consistent, cobalt is not; what moved most stands in the text."""
    book = executed("11_reconciliation")
    assert pictures(book) == 1
    text = printed(book)
    assert re.search(r"Ni: χ² .* p = 0\.[5-9]\d+; suspect: none", text)
    assert re.search(r"Co: χ² .* p = 0\.0[0-4]\d*; suspect: cannot be told: .*Australia", text)
    assert "the Survey agrees with itself" in text
    assert re.search(r"p = 1\.00", text)
    moved = re.search(r"United States: p = [\d.]+; moved most: \w[\w ]*, ([\d.]+) %", text)
    assert float(moved.group(1)) < 5
    assert re.search(r"Ni: any other end use takes between 0 and 3,0\d\d kt", text)
    started = re.findall(r"reconciled ± ([\d.]+) points, drawn ± ([\d.]+)", text)
    assert len(started) == 2
    assert all(abs(float(a) - float(b)) <= 0.06 * float(a) for a, b in started)


def test_the_notebook_of_emissions_says_that_factors_are_defaults(executed):
    book = executed("12_energy_and_emissions")
    assert pictures(book) == 1
    text = printed(book)
    assert "defaults: Li ore" in text
    assert re.search(r"circular − reference in 2050, Mt: low -\d+ central -\d+ high -\d+", text)
    assert "consumed − produced: 0.0" in text


def test_the_notebook_of_availability_names_the_years_that_fall_short(executed):
    book = executed("13_availability_and_price")
    assert pictures(book) == 3
    text = printed(book)
    years = [int(n) for n in re.findall(r"short in (\d+) years", text)]
    assert len(years) == 3 and years == sorted(years)
    assert "Ni: the fit wants" in text and "at the low bound" in text
    gaps = [int(n.replace(",", "")) for n in re.findall(r"most in \d+: ([\d,]+) kt", text)]
    assert len(gaps) == 3 and gaps == sorted(gaps)  # the later mines come, the more is missing
    assert re.search(r"Ni: first short in 2025; most missing to 2050 in Indonesia", text)


def test_own_system_takes_fewer_than_forty_lines_of_yaml():
    book = nbformat.read(FOLDER / "02_your_own_system.ipynb", as_version=4)
    files = [
        cell.source.splitlines()[1:] for cell in book.cells if cell.source.startswith("%%writefile")
    ]
    assert len(files) == 2
    assert sum(map(len, files)) < 40


def test_own_system_shows_the_messages_of_mistakes(executed):
    text = printed(executed("02_your_own_system"))
    assert 'Did you mean "vehicles"?' in text
    assert 'Did you mean "collection_rate"?' in text
    assert "mistake.yaml:9:32: " in text


def test_battery_demand_does_not_trust_an_s_curve_of_2018(executed):
    """Nine points on the way up: no saturation, a band of a factor of ten, no bare number."""
    book = executed("06_battery_demand")
    shown = [output["data"] for output in outputs(book) if "data" in output]
    assert sum("image/png" in data for data in shown) == 8
    assert any("not identified, n=9" in data["text/plain"] for data in shown)
    text = printed(book)
    assert "income per head x 1.21, lithium x 2,211" in text
    assert "2020: between 16.2 and 26.2 kt; it was 12.2 kt" in text
    found = re.search(r"2024: between (\d+) and (\d+) kt, middle (\d+); it was 78 kt", text)
    low, high, middle = map(int, found.groups())
    assert high > 8 * low
    assert middle > 2 * 78
    assert "the saturation of this logistic fit is not identified" in text


def test_supply_risk_says_what_is_known_and_what_is_not(executed):
    book = executed("09_supply_risk")
    assert pictures(book) == 9
    text = printed(book)
    assert "32 by thresholds, 34 on the list, 55 assessed" in text
    assert "18 of 27 published scores" in text and "36 of all 54 are not in the data" in text
    assert "US lithium at most   1,330 t of 224,300 t: HHI 0.232" in text
    ranks = dict(re.findall(r"score: (\w+) +\(low exposure\) (0\.\d\d)", text))
    assert float(ranks["score"]) > float(ranks["potential"]) > float(ranks["exposure"])
    found = dict(re.findall(r"(\w+): reference ([\d.]+), circular", text))
    less = dict(re.findall(r"(mining|refining): .*circular ([\d.]+)", text))
    new = dict(re.findall(r"(mining|refining): .*new refiners ([\d.]+);", text))
    assert float(less["mining"]) < float(found["mining"]) == float(new["mining"])
    assert float(new["refining"]) < float(less["refining"]) < float(found["refining"])
    assert "circular  Co: in 2030 12.4 %, 25 % met from 2043" in text


def test_disruption_says_what_its_words_say(executed):
    """Two years for cobalt, less than one for nickel; nothing of EU rules for nickel; the coupling."""
    book = executed("10_disruption")
    assert pictures(book) == 6
    text = printed(book)
    grows = re.findall(r"(Co|Ni): short by ([\d,]+) kt in 2027 and ([\d,]+) kt in 2030", text)
    assert [name for name, *_ in grows] == ["Co", "Ni"]
    assert all(int(a.replace(",", "")) < int(b.replace(",", "")) for _, a, b in grows)
    away = re.findall(r"in 2030: ([\d,]+) kt stay away, ([\d,]+) kt come from others", text)
    assert all(int(b.replace(",", "")) < 0.5 * int(a.replace(",", "")) for a, b in away)
    assert re.findall(r"empty from the end of (\d+)", text) == ["2029", "2027"]
    prices = re.findall(r"(Co|Ni), elasticity (\S+): highest index ([\d.]+)", text)
    highest = {(metal, elasticity): float(index) for metal, elasticity, index in prices}
    assert highest["Co", "-0.1"] == highest["Ni", "-0.2"] == 10 and highest["Co", "-0.3"] < 2.5
    less = dict(re.findall(r"(\w\w, .+): (\d+) % less short", text))
    assert 30 <= int(less["Co, stockpile"]) <= 36 and 13 <= int(less["Ni, stockpile"]) <= 16
    assert int(less["Co, recycling"]) == 10 and int(less["Ni, recycling"]) == 0
    assert 0 < int(less["Co, from 2035, recycling"]) < 10
    tables = [o["data"].get("text/plain", "") for o in outputs(book) if "data" in o]
    table = next(shown for shown in tables if "nothing short from" in shown)
    assert "after 2050" in table and "2044" in table and "2034" in table
    assert "short from 2030, most in 2037" in text
    assert "31 kt if it goes on, 0 kt if it follows nickel" in text


def test_uncertainty_says_what_calibration_changes(executed):
    """What was observed lifts the band and leaves fewer samples; demand decides; words must hold."""
    book = executed("08_uncertainty")
    assert pictures(book) == 3
    text = printed(book)
    assert "256 samples, worst mass balance" in text
    share = re.search(r"^product_demand\[material=Co\]: (\d+)% of the variance", text, re.MULTILINE)
    assert int(share.group(1)) > 75
    effective = int(re.search(r"as good as (\d+) equal samples", text).group(1))
    assert 30 < effective < 256
    bands = re.findall(r"2040, \w+: (\d+) to (\d+) kt, middle (\d+)", text)
    (low, high, middle), (low_after, high_after, middle_after) = (map(int, b) for b in bands)
    assert middle_after > middle and low_after > low
    assert high_after - low_after < high - low
    assert float(re.search(r"all samples: [\d.]+ to ([\d.]+)", text).group(1)) < 1.1


@pytest.mark.parametrize("name", NAMES)
def test_is_committed_without_outputs(name):
    book = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    assert not outputs(book)
    assert all(cell.execution_count is None for cell in book.cells if cell.cell_type == "code")
    assert book.metadata.kernelspec.name == "python3"


def test_secondary_supply_says_what_its_words_say(executed):
    """Rates by definition, the year of the peak of lithium: if they change, so must the words."""
    book = executed("07_secondary_supply")
    assert pictures(book) == 6
    tables = [o["data"]["text/plain"] for o in outputs(book) if "text/plain" in o.get("data", {})]
    rates = next(text for text in tables if "Denmark" in text)
    rows = {
        line.split()[-4]: [int(x) for x in line.split()[-3:]] for line in rates.splitlines()[1:]
    }
    assert rows["Canada"][0] >= 40 and rows["Canada"][1] <= 60  # by either definition of the input
    assert rows["France"][0] > 60 and rows["Denmark"][1] < 40
    assert all(rate < 40 for rate in [r for row in list(rows.values())[3:] for r in row[:2]])
    peaks = next(text for text in tables if "peak before 2036" in text)
    last = peaks.split("peak before 2036, %")[1].splitlines()[1:]
    assert [line.split()[-1] for line in last if line.strip()] == ["0", "0", "0"]
    moved = sorted(max(row) - min(row) for row in rows.values())
    assert moved[0] < 20 and moved[1] >= 30  # by the definition; of France less
    assert all(row[2] >= 55 for row in rows.values())
    shares = [line.split() for line in peaks.splitlines() if line.split()[:1] == ["reference"]]
    assert shares[0][1] == "100"  # in every draw
    worth = next(text for text in tables if "cost, lowest" in text)
    assert "electric vehicles" in worth and "prices of 2025 (USGS), which are held" in "".join(
        cell.source for cell in book.cells
    )
